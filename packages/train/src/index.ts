export { type Run, type RunConfig, readRun } from '@selfsup/run-folder'
export { exportBackbone } from './export-backbone.js'
export type { HostTensor } from './host-tensor.js'
export { learningRateSchedule } from './learning-rate.js'
export type {
  EpochReport,
  SamplesReport,
  StepReport,
  TrainOptions,
  TrainPhase,
  TrainResult,
  TrainSettings,
} from './options.js'
export { type ChosenSettings, recommendedSettings } from './recommended-settings.js'
export { readSafetensors, type Safetensors, writeSafetensors } from './safetensors.js'
export { largestBatch, memoryLimit, stepMemory } from './step-memory.js'
export type { StepValues } from './step-values.js'
export { restoreMethod, restoreNetworks, train } from './train.js'
export { type StepInputs, type TrainingStep, trainingStep } from './training-step.js'
