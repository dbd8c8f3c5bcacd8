// What bundlers take for a browser: features and measures, without protocols and their files.
export { alignment, uniformity } from './alignment-uniformity.js'
export { type CollapseSignals, collapseSignals } from './collapse.js'
export { effectiveRank } from './effective-rank.js'
export { type ExtractOptions, extractFeatures, type Features, type PassOptions } from './features.js'
export { type KMeansOptions, type KMeansResult, kMeans } from './k-means.js'
export { type KnnOptions, type KnnResult, knn, nearestImages } from './knn.js'
export { rowsOf } from './rows-of.js'
export { silhouette } from './silhouette.js'
