import type * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'

/** A power of two, so that variance + epsilon is exact in float32. */
export const EPSILON = 2 ** -10

/**
 * A layer with one learned weight, for which TensorFlow.js has no layer. A model's JSON contains it as a `BatchNormalization` with
 * only a scale (`gamma`) or only a shift (`beta`), whose statistics change nothing: mean 0, variance + epsilon 1. They are constants:
 * training does not change them, and `call` does not read them.
 */
export abstract class ConstantStatistics extends tfl.layers.Layer {
  static readonly className = 'BatchNormalization'
  readonly #kind: 'gamma' | 'beta'
  readonly #initializer: ReturnType<typeof tfl.initializers.constant>
  #weight!: tfl.LayerVariable

  /** @param initializer of the weight, which has one value for each channel of the input */
  constructor(
    name: string,
    kind: 'gamma' | 'beta',
    initializer: ReturnType<typeof tfl.initializers.constant>,
  ) {
    super({ name })
    this.#kind = kind
    this.#initializer = initializer
    this.supportsMasking = true
  }

  protected abstract compute(x: tf.Tensor, weight: tf.Tensor): tf.Tensor

  override build(inputShape: tfl.Shape | tfl.Shape[]): void {
    const shape = [(inputShape as tfl.Shape).at(-1)!]
    const { zeros, constant } = tfl.initializers
    this.#weight = this.addWeight(this.#kind, shape, 'float32', this.#initializer)
    this.addWeight('moving_mean', shape, 'float32', zeros(), undefined, false)
    this.addWeight('moving_variance', shape, 'float32', constant({ value: 1 - EPSILON }), undefined, false)
    this.built = true
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return this.compute(Array.isArray(inputs) ? inputs[0]! : inputs, this.#weight.read())
  }

  override getConfig(): tf.serialization.ConfigDict {
    return {
      ...super.getConfig(),
      axis: -1,
      epsilon: EPSILON,
      center: this.#kind === 'beta',
      scale: this.#kind === 'gamma',
      [`${this.#kind}Initializer`]: {
        className: this.#initializer.getClassName(),
        config: this.#initializer.getConfig(),
      },
    }
  }
}
