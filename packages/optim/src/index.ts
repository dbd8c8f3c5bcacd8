export { type AdamwOptions, adamw } from './adamw.js'
export { clipGradients } from './clip-gradients.js'
export { exponentialMovingAverage, initialAverages } from './exponential-moving-average.js'
export { type LarsOptions, lars } from './lars.js'
export { biasesAndNorms, type Exclude, noVariables, type Optimizer, type Variables } from './optimizer.js'
export {
  constant,
  cosine,
  cosineOf,
  linearScaling,
  multiStep,
  type Schedule,
  type WarmupOptions,
  warmupCosine,
} from './schedules.js'
export { type SgdOptions, sgd } from './sgd.js'
