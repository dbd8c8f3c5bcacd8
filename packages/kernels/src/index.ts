import './fast-gradients.js'

export { type BatchNormalised, batchNorm } from './batch-norm.js'
export { type LogSumExpOptions, logSumExpOfProducts } from './info-nce.js'
export { logSumExpOfPairs, ntXentOfViews } from './info-nce-symmetric.js'
export { foldIn, randomNormal, randomOrders, randomUniform } from './random.js'
