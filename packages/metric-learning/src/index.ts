export { definition, type MetricLearningOptions, metricLearning } from './metric-learning.js'
