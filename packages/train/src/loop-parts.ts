import type { Dataset, Method } from '@selfsup/core'
import type { Schedule } from '@selfsup/optim'
import type { Position, TrainedVariables } from './checkpoint.js'
import type { MetricsLog } from './metrics-log.js'
import type { TrainOptions } from './options.js'
import type { FullSettings } from './settings.js'
import type { TrainingStep } from './training-step.js'

/** A run in memory: what its loop needs. */
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
  /** where to start or go on */
  readonly position: Position
  /** the checkpoint of that position, if there is one */
  readonly checkpoint: string | undefined
  /** what each checkpoint says of the run */
  readonly run: Readonly<Record<string, unknown>>
  readonly log: MetricsLog
}
