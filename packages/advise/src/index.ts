export { type Advice, type AdviseOptions, advise } from './advise.js'
export { type CheckOptions, checkImages, type ImageCheck } from './check-images.js'
export type { ClassifierAccuracy } from './classifier-accuracy.js'
export { type Colour, colour, colourfulness } from './colour.js'
export type { Command } from './commands.js'
export { type Duplicates, duplicates } from './duplicates.js'
export { type ImageProblem, imageProblems } from './image-problems.js'
export { layout } from './layout.js'
export { type Leaks, leaks } from './leaks.js'
export { type Light, light } from './light.js'
export {
  type MeasureOptions,
  type Measures,
  measure,
  measureImages,
  type Sizes,
} from './measure.js'
export { measureDataset } from './measure-dataset.js'
export { type Orientation, orientation } from './orientation.js'
export { type Outlier, outliers } from './outliers.js'
export { methodsWithRules, type Verdict } from './verdicts.js'
