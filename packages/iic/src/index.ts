export {
  type AssignOptions,
  assignClusters,
  bestSubHead,
  type ClusterAssignment,
  type ClusterProbabilities,
  clusterProbabilities,
  subHeadLosses,
} from './assign-clusters.js'
export { type FewLabelClassifier, fewLabelClassifier } from './few-labels.js'
export { definition, iic } from './iic.js'
export type { IicOptions } from './iic-options.js'
export type { Iic, IicHead, IicPair } from './iic-types.js'
