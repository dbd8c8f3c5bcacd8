// What bundlers take for a browser: the search for near-duplicates, of features in memory.
export { memoryIndex } from './memory-index.js'
export { type DuplicateGroup, type DuplicateOptions, nearDuplicates } from './near-duplicates.js'
export { areIndistinct, duplicateThreshold, type RandomPairs, randomPairs } from './random-pairs.js'
