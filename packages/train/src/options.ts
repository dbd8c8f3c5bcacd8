import type { HostImages } from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import type { TrainSettings } from '@selfsup/run-folder'

export type { TrainSettings }

export interface TrainOptions extends TrainSettings {
  /** folder of the run: checkpoints, metrics, the finished backbone */
  readonly out: string
  readonly engine: Engine
  /** the caller's own, stored in config.json and in each checkpoint; method, backbone and images are stored without it */
  readonly config?: Readonly<Record<string, unknown>>
  /** go on from the newest checkpoint in `out`; default false: `out` must hold no run */
  readonly resume?: boolean
  /** when it is raised, the step in progress is finished, everything is saved, and `train` returns */
  readonly signal?: AbortSignal
  readonly onStep?: (report: StepReport) => void
  readonly onEpoch?: (report: EpochReport) => void
  /**
   * What a method that makes images shows at each checkpoint, always of the same images (the dataset's first) and from the
   * same seed; waited for. When it fails, that is a warning.
   */
  readonly onSamples?: (report: SamplesReport) => void | Promise<void>
  /** something is wrong but training goes on: a checkpoint not written, a damaged one passed over */
  readonly onWarning?: (message: string) => void
}

export interface StepReport {
  /** counted from 0 */
  readonly epoch: number
  readonly epochs: number
  /** steps done */
  readonly step: number
  readonly totalSteps: number
  readonly loss: number
  readonly learningRate: number
  readonly imagesPerSecond: number
  readonly secondsLeft: number
  /**
   * standard deviation of the normalised features, averaged over dimensions, relative to 1/sqrt(d):
   * near 1 when they fill the sphere, 0 when they collapsed to a point; absent when the method shows none
   */
  readonly spread?: number
  /** what else the method reports */
  readonly metrics: Readonly<Record<string, number>>
}

export interface EpochReport {
  /** counted from 0 */
  readonly epoch: number
  readonly epochs: number
  readonly step: number
  /** mean over the epoch */
  readonly loss: number
}

export interface SamplesReport {
  /** steps done */
  readonly step: number
  /** by the method's names for them */
  readonly samples: Readonly<Record<string, HostImages>>
}

export interface TrainResult {
  /** true when the signal ended the run before its last step */
  readonly interrupted: boolean
  readonly step: number
  readonly totalSteps: number
  /** exponential mean of the last steps' losses; NaN before the first step */
  readonly loss: number
  /** path of the newest checkpoint */
  readonly checkpoint: string
  /** folder of the backbone as a TensorFlow.js layers model */
  readonly backbone: string
  /** of this call */
  readonly seconds: number
  /** of this call, everything included */
  readonly imagesPerSecond: number
}
