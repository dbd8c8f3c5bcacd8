import type { Scalar } from '@tensorflow/tfjs-core'
import type { Step } from './step.js'
import type { CommonOptimizerSettings, OptimizerSettings } from './training-settings.js'

/**
 * Names that select trainable weights: a network (`projector`), a parameter (`temperature`), or a prefix of the weights' names
 * in checkpoints (`backbone/patch_embedding`).
 */
export type WeightNames = readonly string[]

/** The weights that one phase of a method trains. */
export type Phase = WeightNames

/** Learning rates of the run at one step. */
export interface LearningRates {
  /** the rate at this step */
  readonly scheduled: Scalar
  /** the highest rate of the schedule */
  readonly highest: Scalar
  /** the run's optimiser, which the rates are meant for: LARS scales all weights but biases and norms by their own norms */
  readonly optimizer: OptimizerSettings['name']
}

/**
 * Weights with their own optimiser or learning rate. A weight belongs to one group only and has one optimiser state, which all
 * phases share that train it.
 */
export interface ParameterGroup {
  readonly weights: WeightNames
  /** the group's optimiser, or only the settings that differ from the run's */
  readonly optimizer?: OptimizerSettings | CommonOptimizerSettings
  /** Learning rate of the group, a float32 scalar; 0 leaves the weights unchanged. Default: the scheduled rate. */
  learningRate?(rates: LearningRates, step: Step): Scalar
}
