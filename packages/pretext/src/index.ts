export { classification, type Pretext, type TaskViews } from './classification.js'
export { dropColours, projectColours } from './colours.js'
export { type JigsawOptions, type JigsawViews, jigsaw, jigsawDefinition } from './jigsaw.js'
export { cutPairs, neighbours, type PairLayout, type PatchPairs, pairLayout } from './patch-pairs.js'
export { hammingDistance, inverse, type Permutation, permutationSet } from './permutations.js'
export {
  type RelativePatchOptions,
  type RelativePatchViews,
  relativePatch,
  relativePatchDefinition,
} from './relative-patch.js'
export {
  fourTurns,
  type RotationOptions,
  type RotationViews,
  rotation,
  rotationDefinition,
} from './rotation.js'
export { type TaskAccuracyOptions, taskAccuracy } from './task-accuracy.js'
export { cutTiles, standardise, type TileLayout, tileLayout } from './tiles.js'
