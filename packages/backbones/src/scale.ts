import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'
import { EPSILON } from './shift.js'

/**
 * Multiplies each channel by a learned number (LayerScale: Touvron et al. 2021, arXiv:2103.17239, eq. 5). A model's JSON
 * contains it as a `BatchNormalization` that only scales: mean 0, variance + epsilon 1.
 */
export class Scale extends tfl.layers.Layer {
  static readonly className = 'BatchNormalization'
  readonly #initial: number
  #gamma!: tfl.LayerVariable

  /** @param options.initial value of all scales before training */
  constructor({ name, initial }: { name: string; initial: number }) {
    super({ name })
    this.#initial = initial
    this.supportsMasking = true
  }

  override build(inputShape: tfl.Shape | tfl.Shape[]): void {
    const shape = [(inputShape as tfl.Shape).at(-1)!]
    const constant = (value: number) => tfl.initializers.constant({ value })
    this.#gamma = this.addWeight('gamma', shape, 'float32', constant(this.#initial))
    this.addWeight('moving_mean', shape, 'float32', tfl.initializers.zeros(), undefined, false)
    this.addWeight('moving_variance', shape, 'float32', constant(1 - EPSILON), undefined, false)
    this.built = true
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.mul(Array.isArray(inputs) ? inputs[0]! : inputs, this.#gamma.read())
  }

  override getConfig(): tf.serialization.ConfigDict {
    return {
      ...super.getConfig(),
      axis: -1,
      epsilon: EPSILON,
      center: false,
      scale: true,
      gammaInitializer: { className: 'Constant', config: { value: this.#initial } },
    }
  }
}
