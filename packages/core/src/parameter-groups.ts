import type { Scalar } from '@tensorflow/tfjs-core'
import type { Step } from './step.js'
import type { CommonOptimizerSettings, OptimizerSettings } from './training-settings.js'

/**
 * Words for trainable weights: the name of a network (`projector`) or of a parameter (`temperature`), or the beginning of
 * weights' names as checkpoints have them (`backbone/patch_embedding`).
 */
export type WeightNames = readonly string[]

/** What one loss of a method with several trains. */
export type Phase = WeightNames

/** The run's learning rate at a step, and the highest that its schedule reaches. */
export interface LearningRates {
  readonly scheduled: Scalar
  readonly highest: Scalar
  /** the run's optimiser, by whose rule the rates are meant: LARS scales all but biases and norms by their own norms */
  readonly optimizer: OptimizerSettings['name']
}

/**
 * Weights trained in a way of their own. A weight belongs to one group only; its optimiser's state is one, whichever
 * phases train it.
 */
export interface ParameterGroup {
  readonly weights: WeightNames
  /** an optimiser of its own, or what differs from the run's */
  readonly optimizer?: OptimizerSettings | CommonOptimizerSettings
  /** float32 scalar, 0 leaves the weights as they are; default the scheduled rate */
  learningRate?(rates: LearningRates, step: Step): Scalar
}
