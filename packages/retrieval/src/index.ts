export {
  findIndex,
  type ImageIndex,
  type IndexKey,
  type IndexOptions,
  type Neighbour,
  openImageIndex,
  type SearchOptions,
} from './image-index.js'
export type { NewImages } from './index-rows.js'
export { memoryIndex } from './memory-index.js'
export { type DuplicateGroup, type DuplicateOptions, nearDuplicates } from './near-duplicates.js'
export { isOnDisk, isOwnFile, nearestOnDisk } from './on-disk.js'
export {
  areIndistinct,
  duplicateThreshold,
  type RandomPairs,
  type RandomPairsOptions,
  randomPairs,
} from './random-pairs.js'
export {
  type EmbeddedImages,
  type ImageListing,
  type IndexUpdate,
  removeSource,
  type UpdateOptions,
  updateIndex,
} from './update-index.js'
