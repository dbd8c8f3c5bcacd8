export { type ClassBatchOptions, classBatches } from './class-batches.js'
export { definition, type MetricLearningOptions, metricLearning } from './metric-learning.js'
