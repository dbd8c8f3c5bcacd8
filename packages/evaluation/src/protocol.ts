import type { ImageDataset, Normalisation } from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import type { EvaluationRecord } from '@selfsup/run-folder'
import type { Tensor2D, Tensor4D, Variable } from '@tensorflow/tfjs-core'
import type { Features } from './features.js'

/** A network that a protocol may train: its own copy. Call `dispose` when done. */
export interface TrainableNetwork {
  /**
   * @param images normalised images, [batch, size, size, channels]
   * @param training if true, batch normalisation uses the batch's statistics and updates its averages, if it can
   * @returns [batch, features]
   */
  apply(images: Tensor4D, training: boolean): Tensor2D
  /**
   * Two feature maps [batch, height, width, channels], the second of half the size, for detection. Absent if the network has
   * no spatial feature maps.
   */
  maps?(images: Tensor4D, training: boolean): readonly [Tensor4D, Tensor4D]
  /** trainable weights, from input to output: the order that layer-wise learning rates use */
  readonly weights: Readonly<Record<string, Variable>>
  dispose(): void
}

/** Weights from which a network is trained. */
export interface InitialWeights {
  readonly name: 'pretrained' | 'random' | 'other domain'
  /** Creates a fresh copy. */
  make(): Promise<TrainableNetwork>
}

/** The images behind features, and the networks that computed the features. */
export interface Images {
  readonly train: ImageDataset
  readonly test: ImageDataset
  /** side of the network's input, in pixels */
  readonly size: number
  readonly normalisation: Normalisation
  /** `pretrained` and `random`, and `other domain` if another run was given */
  readonly starts: readonly InitialWeights[]
  /** whether the networks have feature `maps` */
  readonly places?: boolean
}

/** Features of training and test images; the test classes are numbered like the training classes. */
export interface SplitFeatures {
  /** name of the run, `random weights` or `raw pixels` */
  readonly name: string
  readonly train: Features
  readonly test: Features
}

/** What a protocol evaluates. */
export interface Subject extends SplitFeatures {
  /** other features to compare with */
  readonly baselines?: readonly SplitFeatures[]
  /** numeric annotations by name, one per row of the features; NaN if an image has none */
  readonly values?: Readonly<Record<string, { readonly train: Float64Array; readonly test: Float64Array }>>
  /** absent if only features were given */
  readonly images?: Images
  /** clusters that the run itself assigns to the test images (IIC's heads), by name, in the order of the features */
  readonly clusterings?: Readonly<Record<string, Int32Array>>
}

/** Settings of a protocol's run. */
export interface ProtocolContext {
  readonly engine: Engine
  readonly seed: number
  /** number of seeds for protocols with cheap repetitions, which report mean and interval; default 3 */
  readonly seeds?: number
  /** does a fraction of the work for a first look: fewer episodes, clusterings, steps */
  readonly quick?: boolean
  /** upper limit of the updates of one training; default depends on the protocol */
  readonly maxSteps?: number
  readonly signal?: AbortSignal
  /**
   * Returns the saved result of a part of the protocol, or runs `find` and saves its result until the protocol has finished, so
   * that an interrupted protocol resumes with the next part. Absent: nothing is saved.
   * @param name name of the part, unique within the protocol
   * @param find must return JSON-serialisable data
   */
  readonly once?: <T>(name: string, find: () => Promise<T>) => Promise<T>
  /** receives the completed fraction of the protocol, 0..1, and its current activity */
  readonly onProgress?: (done: number, what: string) => void
}

/** Result of a protocol: an evaluation record without the fields that the caller knows. */
export type ProtocolResult = Pick<
  EvaluationRecord,
  'options' | 'values' | 'charts' | 'confusion' | 'classRecall' | 'neighbours' | 'clusters'
>

/** A way to evaluate a subject. */
export interface Protocol {
  /** name on the command line, and of the record's file */
  readonly name: string
  /** heading in reports */
  readonly title: string
  /** one line for a list of protocols */
  readonly summary: string
  /** whether it trains networks, so that `maxSteps` applies */
  readonly trains?: boolean
  /** Returns why the subject can't be evaluated (what is missing), or undefined if it can. */
  missing(subject: Subject): string | undefined
  /** @throws SelfsupError if the data do not fit, AbortError if the signal is aborted */
  find(subject: Subject, context: ProtocolContext): Promise<ProtocolResult>
}
