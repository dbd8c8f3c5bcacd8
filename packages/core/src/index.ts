export type { Alarm } from './alarm.js'
export { type BatchPart, rowsOfPart } from './batch-part.js'
export { type CropBox, centralCropBox, DRAWS_PER_BOX, randomResizedCropBox } from './crop-box.js'
export type {
  AnnotatedBox,
  Annotation,
  BatchOptions,
  CropSpec,
  Dataset,
  DatasetSource,
  HostBatch,
  HostImages,
  HostValues,
  ImageDataset,
  Normalisation,
  Resampling,
} from './dataset.js'
export type { BackboneInput, MethodContext, MethodDefinition } from './definition.js'
export { displayedImages } from './displayed-images.js'
export { type ErrorCode, type ErrorDetails, expected, SelfsupError } from './errors.js'
export {
  automaticReading,
  earlierReading,
  type ImagePart,
  type ImageReading,
  type ValueRange,
  type ValueType,
} from './image-reading.js'
export type { ImageShape } from './image-shape.js'
export { imageTensor } from './image-tensor.js'
export { type JpegCropper, jpegCropper, provideJpegCropper } from './jpeg-cropper.js'
export {
  type ClusterAssignments,
  type ClusterContext,
  type Encoder,
  encoderOf,
  type ImageBatch,
  type LossResult,
  type Method,
  phasesOf,
} from './method.js'
export { migrateOptions, migrateOptionsFor } from './migrate-options.js'
export {
  addModelNotes,
  type BackboneRecipe,
  type ModelNotes,
  type Preprocessing,
  type PretrainedNote,
  readModelNotes,
} from './model-notes.js'
export { nearest, unknownName } from './nearest.js'
export {
  currentName,
  currentValue,
  describeRange,
  type EarlierOption,
  ifAuto,
  type MethodOption,
  type MethodOptions,
  type OptionValue,
  type OptionValues,
  resolveOptions,
} from './options.js'
export type { LearningRates, ParameterGroup, Phase, WeightNames } from './parameter-groups.js'
export { splitPart, withPart } from './part-path.js'
export {
  derive,
  mixSeed,
  normals,
  philox4x32,
  type Seed,
  STREAM_STEPS,
  uniforms,
  WORD_FACTORS,
} from './random.js'
export {
  type AnyTensor,
  assertMatrix,
  assertRank,
  assertSameShape,
  formatShape,
  ShapeError,
} from './shape.js'
export type { Step } from './step.js'
export { stopGradient } from './stop-gradient.js'
export type { OptionDefinitions, StoredOptions } from './stored-options.js'
export type { Teacher, TeacherReference } from './teacher.js'
export { type TensorTree, tensorTree } from './tensor-tree.js'
export type {
  AdamwSettings,
  CommonOptimizerSettings,
  LarsSettings,
  OptimizerSettings,
  ScheduleSettings,
  SgdSettings,
  TrainingDefaults,
} from './training-settings.js'
export { type Networks, namedWeights, trainableWeights, weightNames } from './weight-names.js'
