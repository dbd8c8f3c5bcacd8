export { classification, type Pretext, type TaskViews } from './classification.js'
export { dropColours, projectColours } from './colours.js'
export { type JigsawViews, jigsaw, jigsawDefinition } from './jigsaw.js'
export type { JigsawOptions } from './jigsaw-options.js'
export { cutPairs, neighbours, type PairLayout, type PatchPairs, pairLayout } from './patch-pairs.js'
export { hammingDistance, inverse, type Permutation, permutationSet } from './permutations.js'
export {
  type RelativePatchViews,
  relativePatch,
  relativePatchDefinition,
} from './relative-patch.js'
export type { RelativePatchOptions } from './relative-patch-options.js'
export {
  fourTurns,
  type RotationViews,
  rotation,
  rotationDefinition,
} from './rotation.js'
export type { RotationOptions } from './rotation-options.js'
export { type TaskAccuracyOptions, taskAccuracy } from './task-accuracy.js'
export { cutTiles, standardise, type TileLayout, tileLayout } from './tiles.js'
