import './native-transform.js'
import './engines.js'

export { batchNorm } from './batch-norm.js'
export type { BatchNormalised } from './batch-normalised.js'
export { hasOwnConvolutions, suitsOwnConvolution } from './convolutions.js'
export { inFloat32 } from './in-float32.js'
export { type LogSumExpOptions, logSumExpOfProducts } from './info-nce.js'
export { logSumExpOfPairs } from './info-nce-symmetric.js'
export { ntXentOfViews } from './info-nce-views.js'
export { matMulFloat32 } from './matmul-float32.js'
export { foldIn, randomNormal, randomOrders, randomUniform } from './random.js'
export { registerKernels } from './register.js'
export { standardise } from './standardise.js'
export { fusedTopK } from './top-k-of-products.js'
export {
  canFuseUpdates,
  fusedAdamw,
  fusedAverages,
  fusedLars,
  fusedNorm,
  fusedSgd,
  type WeightUpdate,
} from './updates.js'
export { canFuseViews, fusedViews, type ViewParameters, type ViewSettings } from './views.js'
export {
  acrossWorkers,
  broadcastFrom,
  countGathers,
  currentWorkers,
  meanOverWorkers,
  rowsInAll,
  rowsOfAllWorkers,
  rowsOfThisWorker,
  sumOverWorkers,
  valuesOfWorkers,
  type WorkerRows,
  workerCount,
} from './workers.js'
