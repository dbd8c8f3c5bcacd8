import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'

/**
 * Gaussian error linear unit x * Phi(x) (Hendrycks & Gimpel 2016, arXiv:1606.08415), computed exactly with the error
 * function, with its gradient in closed form. A model's JSON contains it as the standard `Activation` layer with `gelu`.
 */
export class Gelu extends tfl.layers.Layer {
  static readonly className = 'Activation'

  constructor({ name }: { name: string }) {
    super({ name })
    this.supportsMasking = true
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return gelu(Array.isArray(inputs) ? inputs[0]! : inputs)
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), activation: 'gelu' }
  }
}

function gelu(x: tf.Tensor): tf.Tensor {
  return tf.customGrad((input, save) => {
    const z = input as tf.Tensor
    const cdf = tf.mul(tf.add(tf.erf(tf.mul(z, Math.SQRT1_2)), 1), 0.5)
    ;(save as tf.GradSaveFunc)([z, cdf])
    return {
      value: tf.mul(z, cdf),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [x, phi] = saved as [tf.Tensor, tf.Tensor]
        const density = tf.mul(tf.exp(tf.mul(tf.square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI))
        return tf.mul(dy, tf.add(phi, tf.mul(x, density)))
      },
    }
  })(x)
}
