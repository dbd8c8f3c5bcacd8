// The published package holds these kernels bundled: see tsup.config.ts.
import '@tensorflow/tfjs-node/dist/register_all_kernels.js'

export { NodeJSKernelBackend } from '@tensorflow/tfjs-node/dist/nodejs_kernel_backend.js'
