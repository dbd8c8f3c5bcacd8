import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'

/**
 * Layer normalisation (Ba et al. 2016, arXiv:1607.06450) over the last axis as a layer that trains fast: TensorFlow.js's
 * own layer tiles its statistics to the size of the input and differentiates through the tiling. A model's JSON contains
 * it as the standard `LayerNormalization` with the standard weights.
 */
export class LayerNormalization extends tfl.layers.Layer {
  static readonly className = 'LayerNormalization'
  readonly #epsilon: number
  readonly #zeroInit: boolean
  #gamma!: tfl.LayerVariable
  #beta!: tfl.LayerVariable

  /** @param options.zeroInit initialise the scale with 0, so that a residual branch starts at zero */
  constructor({
    name,
    epsilon = 1e-6,
    zeroInit = false,
  }: { name: string; epsilon?: number; zeroInit?: boolean }) {
    super({ name })
    this.#epsilon = epsilon
    this.#zeroInit = zeroInit
    this.supportsMasking = true
  }

  override build(inputShape: tfl.Shape | tfl.Shape[]): void {
    const channels = (inputShape as tfl.Shape).at(-1)!
    const zeros = tfl.initializers.zeros()
    const ones = tfl.initializers.ones()
    this.#gamma = this.addWeight('gamma', [channels], 'float32', this.#zeroInit ? zeros : ones)
    this.#beta = this.addWeight('beta', [channels], 'float32', zeros)
    this.built = true
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const x = Array.isArray(inputs) ? inputs[0]! : inputs
    return tf.tidy(() => {
      const normalised = standardise(x, this.#epsilon)
      return tf.add(tf.mul(normalised, this.#gamma.read()), this.#beta.read())
    })
  }

  override getConfig(): tf.serialization.ConfigDict {
    return {
      ...super.getConfig(),
      axis: -1,
      epsilon: this.#epsilon,
      center: true,
      scale: true,
      betaInitializer: { className: 'Zeros', config: {} },
      gammaInitializer: { className: this.#zeroInit ? 'Zeros' : 'Ones', config: {} },
    }
  }
}

/** Standardises the last axis to mean 0 and variance 1. The gradient in closed form only needs the result and the scale. */
function standardise(x: tf.Tensor, epsilon: number): tf.Tensor {
  return tf.customGrad((input, save) => {
    const centred = tf.sub(input as tf.Tensor, tf.mean(input as tf.Tensor, -1, true))
    const scale = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), epsilon))
    const value = tf.mul(centred, scale)
    ;(save as tf.GradSaveFunc)([value, scale])
    return {
      value,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [y, s] = saved as [tf.Tensor, tf.Tensor]
        const along = tf.mul(y, tf.mean(tf.mul(dy, y), -1, true))
        return tf.mul(tf.sub(tf.sub(dy, tf.mean(dy, -1, true)), along), s)
      },
    }
  })(x)
}
