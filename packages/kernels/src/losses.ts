// What losses need on every engine, for small bundles. The kernels of WebAssembly and WebGPU come with the whole package, which
// @selfsup/engine loads: `registerKernels` and the losses use them from then on.
import './native-transform.js'

export { type LogSumExpOptions, logSumExpOfProducts } from './info-nce.js'
export { logSumExpOfPairs } from './info-nce-symmetric.js'
export { ntXentOfViews } from './info-nce-views.js'
export { matMulFloat32 } from './matmul-float32.js'
export { registerKernels } from './register.js'
export { standardise } from './standardise.js'
export { rowsOfAllWorkers, workerCount } from './workers.js'
