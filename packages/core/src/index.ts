export { type CropBox, centralCropBox, DRAWS_PER_BOX, randomResizedCropBox } from './crop-box.js'
export type { BatchOptions, CropSpec, HostBatch, HostImages, ImageDataset, Normalisation } from './dataset.js'
export type {
  MethodContext,
  MethodDefinition,
  MethodOption,
  OptionValues,
  TrainingDefaults,
} from './definition.js'
export { expected, SelfsupError } from './errors.js'
export { type JpegCropper, jpegCropper, provideJpegCropper } from './jpeg-cropper.js'
export type { ImageBatch, LossResult, Method, Step } from './method.js'
export { derive, mixSeed, normals, philox4x32, type Seed, uniforms } from './random.js'
export {
  type AnyTensor,
  assertMatrix,
  assertRank,
  assertSameShape,
  formatShape,
  ShapeError,
} from './shape.js'
export { stopGradient } from './stop-gradient.js'
