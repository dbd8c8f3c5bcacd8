export { type ClassBatchOptions, classBatches } from './class-batches.js'
export { definition, metricLearning } from './metric-learning.js'
export type { MetricLearningOptions } from './options.js'
