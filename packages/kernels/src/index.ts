import './fast-gradients.js'
import './wasm/register.js'

export { type BatchNormalised, batchNorm } from './batch-norm.js'
export { type LogSumExpOptions, logSumExpOfProducts } from './info-nce.js'
export { logSumExpOfPairs } from './info-nce-symmetric.js'
export { ntXentOfViews } from './info-nce-views.js'
export { foldIn, randomNormal, randomOrders, randomUniform } from './random.js'
