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
export { definition, type Iic, type IicHead, type IicOptions, type IicPair, iic } from './iic.js'
