export { type Augmentation, augmentation } from './augmentation.js'
export {
  type BandJitterParameters,
  type BandJitterStrength,
  bandJitter,
  randomBandJitter,
} from './band-jitter.js'
export { colorJitter, type JitterParameters, type JitterStrength, randomJitter } from './color-jitter.js'
export { type Boxes, randomCropBoxes } from './crop-boxes.js'
export { gaussianBlur } from './gaussian-blur.js'
export { grayscale, grayscaleWhere } from './grayscale.js'
export { shiftHue } from './hue.js'
export { grayNormalisation, imagenetNormalisation, normalisationOf, normalise } from './normalise.js'
export { anyOrientation } from './orientation.js'
export {
  anyOrientationViews,
  barlowTwinsViews,
  byolViews,
  grayViews,
  mocoV1Views,
  mocoV2Views,
  multiCropViews,
  type PresetOptions,
  simclrViews,
} from './presets.js'
export { previewViews } from './preview.js'
export { type Mirrors, resizedCrop } from './resized-crop.js'
export { rotateQuarters } from './right-angles.js'
export { rotate } from './rotate.js'
export { solariseWhere } from './solarise.js'
export {
  bandJitterOption,
  blurOption,
  firstBlurOption,
  grayscaleOption,
  jitterOption,
  migrateBlur,
  migrateMinScale,
  minScaleOption,
  secondBlurOption,
  usedGrayViews,
  usedSmallImages,
  viewsOption,
} from './two-view-options.js'
export {
  byolRecipe,
  mocoV1Recipe,
  mocoV2Recipe,
  simclrRecipe,
  type TwoViewRecipe,
} from './two-view-recipes.js'
export {
  chooseOneView,
  chooseTwoViews,
  SMALL_SIZE,
  scaledJitter,
  type TwoViewImages,
  type TwoViewSettings,
} from './two-views.js'
export type { ViewOptions } from './view-options.js'
