export {
  type Augmentation,
  augmentation,
  grayNormalisation,
  imagenetNormalisation,
  normalise,
  type ViewOptions,
} from './augmentation.js'
export { colorJitter, type JitterParameters, type JitterStrength, randomJitter } from './color-jitter.js'
export { type Boxes, randomCropBoxes } from './crop-boxes.js'
export { gaussianBlur } from './gaussian-blur.js'
export { grayscale, grayscaleWhere } from './grayscale.js'
export { shiftHue } from './hue.js'
export {
  anyOrientationViews,
  barlowTwinsViews,
  byolViews,
  grayViews,
  mocoV2Views,
  multiCropViews,
  type PresetOptions,
  simclrViews,
} from './presets.js'
export { previewViews } from './preview.js'
export { type Mirrors, resizedCrop } from './resized-crop.js'
export { rotateQuarters } from './right-angles.js'
export { solariseWhere } from './solarise.js'
