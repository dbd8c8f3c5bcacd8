import type { Dataset, Method } from '@selfsup/core'
import type { Schedule } from '@selfsup/optim'
import type { RunConfig } from '@selfsup/run-folder'
import type { Position, TrainedVariables } from './checkpoint.js'
import type { MetricsLog } from './metrics-log.js'
import type { TrainOptions } from './options.js'
import type { FullSettings } from './settings.js'
import type { Together } from './together.js'
import type { TrainingStep } from './training-step.js'

/** A run in memory: everything that the training loop uses. */
export interface LoopParts {
  readonly method: Method
  readonly dataset: Dataset
  readonly options: TrainOptions
  readonly settings: FullSettings
  readonly schedule: Schedule
  readonly stepsPerEpoch: number
  readonly orderOf?: (epoch: number) => Uint32Array
  readonly totalSteps: number
  readonly step: TrainingStep
  readonly variables: TrainedVariables
  /** position to start or continue from */
  readonly position: Position
  /** the checkpoint of that position, if there is one */
  readonly checkpoint: string | undefined
  /** description of the run, stored in each checkpoint */
  readonly run: RunConfig
  /** layers of a backbone that has no recipe */
  readonly topology: unknown
  readonly log: MetricsLog
  /** the other workers, if there are several */
  readonly together?: Together
}
