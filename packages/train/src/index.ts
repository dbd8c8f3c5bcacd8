export type {
  EpochReport,
  PicturesReport,
  StepReport,
  TrainOptions,
  TrainResult,
  TrainSettings,
} from './options.js'
export { type ChosenSettings, recommendedSettings } from './recommended-settings.js'
export { type Run, type RunDescription, readRun } from './run-folder.js'
export { type HostTensor, readSafetensors, type Safetensors, writeSafetensors } from './safetensors.js'
export type { StepValues } from './step-values.js'
export { restoreMethod, restoreNetworks, train } from './train.js'
export { type StepInputs, type TrainingStep, trainingStep } from './training-step.js'
