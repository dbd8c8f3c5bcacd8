import type { ImageDataset, Normalisation } from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import type { EvaluationRecord } from '@selfsup/run-folder'
import type { Tensor2D, Tensor4D, Variable } from '@tensorflow/tfjs-core'
import type { Features } from './features.js'

/** A network that a protocol may train: its own copy, freed by `dispose`. */
export interface TrainableNetwork {
  /**
   * @param pictures normalised, [batch, size, size, channels]
   * @param training true: batch normalisation takes the batch's statistics and moves its averages, where it can
   * @returns [batch, features]
   */
  apply(pictures: Tensor4D, training: boolean): Tensor2D
  /**
   * Where in the pictures something is, of networks that tell: two maps [batch, height, width, channels], the second of
   * half the size.
   */
  maps?(pictures: Tensor4D, training: boolean): readonly [Tensor4D, Tensor4D]
  /** what gradients may train, from the input to the output: the order that layer-wise rates follow */
  readonly weights: Readonly<Record<string, Variable>>
  dispose(): void
}

/** Weights from which a network is trained further. */
export interface Start {
  readonly name: 'pretrained' | 'random' | 'other domain'
  /** a fresh copy each time */
  make(): Promise<TrainableNetwork>
}

/** The pictures behind features, and the networks that made them. */
export interface Pictures {
  readonly train: ImageDataset
  readonly test: ImageDataset
  /** side that the network sees, in pixels */
  readonly size: number
  readonly normalisation: Normalisation
  /** `pretrained` and `random`, and `other domain` where another run was given */
  readonly starts: readonly Start[]
  /** whether the networks have `maps` */
  readonly places?: boolean
}

/** Features of training and test images, those of the test images numbered as the training images' classes are. */
export interface SplitFeatures {
  /** whose: the run's, `random weights`, `raw pixels` */
  readonly name: string
  readonly train: Features
  readonly test: Features
}

/** What protocols judge. */
export interface Subject extends SplitFeatures {
  /** what stands beside it for comparison */
  readonly baselines?: readonly SplitFeatures[]
  /** of each image that has features, in their order, by name; NaN where an image has no such number */
  readonly values?: Readonly<Record<string, { readonly train: Float64Array; readonly test: Float64Array }>>
  /** absent where only features were given */
  readonly pictures?: Pictures
  /** clusters that the run itself assigns to the test images (IIC's heads), by name; in the features' order */
  readonly clusterings?: Readonly<Record<string, Int32Array>>
}

/** How a protocol is run. */
export interface ProtocolContext {
  readonly engine: Engine
  readonly seed: number
  /** seeds of protocols that draw cheaply, of which mean and interval are taken; default 3 */
  readonly seeds?: number
  /** a fraction of the work, for a first look: fewer episodes, clusterings, steps */
  readonly quick?: boolean
  /** updates of one training at most; default what the protocol says */
  readonly maxSteps?: number
  readonly signal?: AbortSignal
  /**
   * What `find` found of a part of the protocol, or finds now; kept until the protocol is done, so that one that was
   * stopped goes on with the next part. Absent: nothing is kept.
   * @param name of the part, among those of the protocol
   * @param find gives what JSON can hold
   */
  readonly once?: <T>(name: string, find: () => Promise<T>) => Promise<T>
  /** part of the protocol that is done, 0..1, and what it does now */
  readonly onProgress?: (done: number, what: string) => void
}

/** What a protocol found: an evaluation record without what the caller knows. */
export type Findings = Pick<
  EvaluationRecord,
  'options' | 'values' | 'charts' | 'confusion' | 'neighbours' | 'clusters'
>

/** One way to judge a subject. */
export interface Protocol {
  /** as on the command line, and the record's file name */
  readonly name: string
  /** a heading */
  readonly title: string
  /** one line for a list of protocols */
  readonly summary: string
  /** whether networks are trained, so that `maxSteps` matters */
  readonly trains?: boolean
  /** why the subject can't be judged so, in words that say what it lacks; undefined when it can */
  lacks(subject: Subject): string | undefined
  /** @throws SelfsupError when the data don't fit, AbortError when the signal is raised */
  find(subject: Subject, context: ProtocolContext): Promise<Findings>
}
