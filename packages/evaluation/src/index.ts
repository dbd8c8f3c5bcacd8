export { type ClusterAccuracy, clusterAccuracy } from './cluster-accuracy.js'
export { cachedFeatures, type FeatureCacheKey } from './feature-cache.js'
export { type ExtractOptions, extractFeatures, type Features, rawPixels } from './features.js'
export { type KMeansOptions, type KMeansResult, kMeans } from './k-means.js'
export { type KnnOptions, type KnnResult, knn } from './knn.js'
export { type LbfgsOptions, minimise } from './lbfgs.js'
export { type LinearProbeOptions, type LinearProbeResult, linearProbe } from './linear-probe.js'
export { matchClasses } from './match-classes.js'
export { normalisedMutualInformation } from './mutual-information.js'
export type {
  Findings,
  Pictures,
  Protocol,
  ProtocolContext,
  SplitFeatures,
  Start,
  Subject,
  TrainableNetwork,
} from './protocol.js'
export { protocols } from './protocols/index.js'
export { type RecallOptions, recallAtK } from './recall-at-k.js'
