import type { HostImages } from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import type { TrainSettings } from '@selfsup/run-folder'

export type { TrainSettings }

export interface TrainOptions extends TrainSettings {
  /** folder of the run, for checkpoints, metrics and the exported backbone */
  readonly out: string
  readonly engine: Engine
  /** any data of the caller, stored in config.json and in each checkpoint, in addition to method, backbone and images */
  readonly config?: Readonly<Record<string, unknown>>
  /** continue from the newest checkpoint in `out`; default false: then `out` must not contain a run */
  readonly resume?: boolean
  /**
   * with `resume`: `epochs` and `maxSteps` may differ from those of the run, which may be finished. The schedules of learning
   * rate and method are then those of a run of the new length, from the present step on: after a cosine has ended near 0, the
   * learning rate rises again to its value at that step of the longer cosine. The result is not that of a run that was longer
   * from the start. Default false
   */
  readonly extend?: boolean
  /** longest time without a checkpoint, in milliseconds; default 15 minutes */
  readonly saveWithin?: number
  /** when aborted, `train` finishes the current step, saves everything and returns */
  readonly signal?: AbortSignal
  /**
   * Computes a score of the current weights, higher is better, for runs with a `patience`; called at each checkpoint, also at
   * the first. The weights with the highest score are kept. Training waits for it
   */
  readonly score?: () => Promise<number>
  readonly onStep?: (report: StepReport) => void
  readonly onEpoch?: (report: EpochReport) => void
  /**
   * Receives the method's `samples` at each checkpoint, computed from the same images (the first of the dataset) and the same
   * seed each time. Training waits for it; if it fails, a warning is reported.
   */
  readonly onSamples?: (report: SamplesReport) => void | Promise<void>
  /** called when the run starts to do something that can take long; see `TrainPhase` */
  readonly onPhase?: (phase: TrainPhase) => void
  /**
   * With several workers: whether batch normalisation uses the statistics of the whole batch; false: of each worker's part, which
   * is faster, but the weights depend on the number of workers. Default true
   */
  readonly syncBatchNorm?: boolean
  /** with several workers: how long to wait for the others at the start, in milliseconds; default 60,000 */
  readonly workersTimeout?: number
  /** receives problems that do not stop training: a checkpoint that cannot be written, a damaged one that was skipped */
  readonly onWarning?: (message: string) => void
}

/**
 * What a run is doing before its first step is reported, and at its end: `decode` the first batch of images, `compile` and compute
 * the first step, `save` the last checkpoint, `export` the backbone.
 */
export type TrainPhase = 'decode' | 'compile' | 'save' | 'export'

export interface StepReport {
  /** counted from 0 */
  readonly epoch: number
  readonly epochs: number
  /** number of finished steps */
  readonly step: number
  readonly totalSteps: number
  readonly loss: number
  readonly learningRate: number
  readonly imagesPerSecond: number
  /**
   * estimated time until the last step is computed and saved; absent until several steps took about the same time. The first step,
   * which includes compiling, is never part of it
   */
  readonly secondsLeft?: number
  /**
   * standard deviation of the normalised features, averaged over dimensions, relative to 1/sqrt(d):
   * near 1 if they fill the sphere, 0 if they collapsed to a point; absent if the method returns no features
   */
  readonly spread?: number
  /** true while XLA compiles the step in the background; steps run without it until then, and are slower */
  readonly compiling?: true
  /** further metrics of the method */
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
  /** number of finished steps */
  readonly step: number
  /** images by the names that the method gives them */
  readonly samples: Readonly<Record<string, HostImages>>
}

export interface TrainResult {
  /** true if the signal ended the run before its last step */
  readonly interrupted: boolean
  /** number of steps of the weights */
  readonly step: number
  readonly totalSteps: number
  /** exponential moving average of the loss; NaN before the first step */
  readonly loss: number
  /** path of the newest checkpoint */
  readonly checkpoint: string
  /** folder of the backbone as a TensorFlow.js layers model */
  readonly backbone: string
  /** duration of this call */
  readonly seconds: number
  /** average of this call, including start and saving */
  readonly imagesPerSecond: number
}
