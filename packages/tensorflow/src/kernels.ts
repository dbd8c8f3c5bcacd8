// The published package holds these kernels bundled: see tsup.config.ts.
import '@tensorflow/tfjs-node/dist/register_all_kernels.js'
