import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'

/** A power of two, so that variance + epsilon is exact in float32. */
export const EPSILON = 2 ** -10

/**
 * Adds a learned number to each input value: class token and position embeddings, for which TensorFlow.js has no layer. A
 * model's JSON contains it as a `BatchNormalization` that only shifts: mean 0, variance + epsilon 1.
 * The input is flat: [batch, values].
 */
export class Shift extends tfl.layers.Layer {
  static readonly className = 'BatchNormalization'
  #beta!: tfl.LayerVariable

  constructor({ name }: { name: string }) {
    super({ name })
    this.supportsMasking = true
  }

  override build(inputShape: tfl.Shape | tfl.Shape[]): void {
    const shape = [(inputShape as tfl.Shape).at(-1)!]
    const zeros = tfl.initializers.zeros()
    const variance = tfl.initializers.constant({ value: 1 - EPSILON })
    this.#beta = this.addWeight('beta', shape, 'float32', zeros)
    this.addWeight('moving_mean', shape, 'float32', zeros, undefined, false)
    this.addWeight('moving_variance', shape, 'float32', variance, undefined, false)
    this.built = true
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.add(Array.isArray(inputs) ? inputs[0]! : inputs, this.#beta.read())
  }

  override getConfig(): tf.serialization.ConfigDict {
    return {
      ...super.getConfig(),
      axis: -1,
      epsilon: EPSILON,
      center: true,
      scale: false,
      betaInitializer: { className: 'Zeros', config: {} },
    }
  }
}
