export type {
  EpochReport,
  OptimizerSettings,
  ScheduleSettings,
  StepReport,
  TrainOptions,
  TrainResult,
  TrainSettings,
} from './options.js'
export { type Run, type RunDescription, readRun } from './run-folder.js'
export { type HostTensor, readSafetensors, type Safetensors, writeSafetensors } from './safetensors.js'
export { restoreNetworks, train } from './train.js'
export { type StepInputs, type TrainingStep, trainingStep } from './training-step.js'
