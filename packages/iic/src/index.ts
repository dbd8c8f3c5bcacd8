export {
  type AssignOptions,
  assignClusters,
  type ClusterAssignment,
  type ClusterProbabilities,
  clusterProbabilities,
  lowest,
  subHeadLosses,
} from './assign-clusters.js'
export { type FewLabelClassifier, fewLabelClassifier } from './few-labels.js'
export { definition, type Iic, type IicHead, type IicOptions, iic } from './iic.js'
