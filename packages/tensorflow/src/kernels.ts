// The published package bundles these kernels: see tsup.config.ts.
import '@tensorflow/tfjs-node/dist/register_all_kernels.js'
