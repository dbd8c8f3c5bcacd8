export { type EvaluationRecord, readRecords, writeRecord } from '@selfsup/run-folder'
export { adjustedRandIndex } from './adjusted-rand.js'
export { alignment, uniformity } from './alignment-uniformity.js'
export { bleu, type CaptionedImage, cider } from './caption-scores.js'
export {
  type CaptionedFeatures,
  type Captioner,
  type CaptionerOptions,
  trainCaptioner,
} from './captioning.js'
export { type ClassScores, classScores, isImbalanced, majorityAccuracy } from './class-scores.js'
export { type ClusterAccuracy, clusterAccuracy } from './cluster-accuracy.js'
export { type CollapseSignals, collapseSignals } from './collapse.js'
export { type Comparison, compareRecords, type RunsComparison } from './compare.js'
export { type DecisionTreeOptions, decisionTree } from './decision-tree.js'
export {
  type AnnotatedImages,
  type Detector,
  type DetectorOptions,
  trainDetector,
} from './detection.js'
export {
  type Box,
  type DetectedImage,
  type Detection,
  type DetectionScores,
  detectionScores,
} from './detection-precision.js'
export { effectiveRank } from './effective-rank.js'
export {
  cachedFeatures,
  type FeatureCacheKey,
  featuresFile,
  joinFeatures,
  readFeatures,
} from './feature-cache.js'
export {
  type ExtractOptions,
  extractFeatures,
  type Features,
  type PassOptions,
  rawPixels,
} from './features.js'
export { type FewShotOptions, fewShot } from './few-shot.js'
export {
  type CurvePoint,
  type FineTuneOptions,
  type FineTuneResult,
  fineTune,
  type LabelledImages,
} from './fine-tune.js'
export type { Graded } from './grade.js'
export { accuracyInterval, type Estimate, meanInterval, partInterval } from './intervals.js'
export { type KMeansOptions, type KMeansResult, kMeans } from './k-means.js'
export { type KnnOptions, type KnnResult, knn, nearestImages } from './knn.js'
export { numericAnnotations } from './known-values.js'
export { labelParts, labelSubsets } from './label-subsets.js'
export { layerRates } from './layer-rates.js'
export { type LbfgsOptions, minimise } from './lbfgs.js'
export { type LidarOptions, lidar } from './lidar.js'
export { type LinearProbeOptions, type LinearProbeResult, linearProbe } from './linear-probe.js'
export { matchClasses } from './match-classes.js'
export { type MeanAveragePrecisionOptions, meanAveragePrecision } from './mean-average-precision.js'
export { type MiniBatchKMeansOptions, miniBatchKMeans } from './mini-batch-k-means.js'
export { normalisedMutualInformation } from './mutual-information.js'
export { naiveBayes } from './naive-bayes.js'
export { nearestCentroid } from './nearest-centroid.js'
export type {
  Images,
  InitialWeights,
  Protocol,
  ProtocolContext,
  ProtocolResult,
  SplitFeatures,
  Subject,
  TrainableNetwork,
} from './protocol.js'
export { protocols } from './protocols/index.js'
export { type RecallOptions, recallAtK } from './recall-at-k.js'
export { type RidgeOptions, type RidgeResult, ridge } from './ridge.js'
export { rowsOf, spreadRows } from './rows-of.js'
export { type KCentreOptions, selectKCentre } from './select-k-centre.js'
export { selectTypical, type TypicalOptions } from './select-typical.js'
export { silhouette } from './silhouette.js'
export {
  type RecordFacts,
  runProtocols,
  type SuiteEvent,
  type SuiteOptions,
  type SuiteResult,
} from './suite.js'
