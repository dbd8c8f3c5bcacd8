import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'
import { type Node, through } from './blocks.js'

/**
 * Hard swish x * relu6(x + 3) / 6 (Howard et al. 2019, arXiv:1905.02244, section 5.2), as one operation with its gradient in closed
 * form. The layer is a nested model of standard layers, so that a saved model loads in plain TensorFlow.js.
 */
export class HardSwish extends tfl.LayersModel {
  constructor({ name, shape }: { name: string; shape: readonly number[] }) {
    const input = tfl.input({ shape: [...shape], name: `${name}/in` })
    const gate = hardSigmoid(input, `${name}/gate`)
    const product = tfl.layers.multiply({ name: `${name}/product` }).apply([input, gate]) as Node
    super({ inputs: input, outputs: product, name })
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return hardSwish(Array.isArray(inputs) ? inputs[0]! : inputs)
  }
}

/** Hard sigmoid relu6(x + 3) / 6, of standard layers. TensorFlow.js' own activation `hardSigmoid` has another slope, 0.2. */
export function hardSigmoid(node: Node, name: string): Node {
  const linear = through(tfl.layers.rescaling({ name: `${name}/linear`, scale: 1 / 6, offset: 0.5 }), node)
  return through(tfl.layers.reLU({ name, maxValue: 1 }), linear)
}

function hardSwish(x: tf.Tensor): tf.Tensor {
  return tf.customGrad((input, save) => {
    const z = input as tf.Tensor
    ;(save as tf.GradSaveFunc)([z])
    return {
      value: tf.mul(z, tf.clipByValue(tf.add(tf.mul(z, 1 / 6), 0.5), 0, 1)),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [x] = saved as [tf.Tensor]
        // 0 below -3, 1 above 3, x / 3 + 0.5 between them.
        const slope = tf.add(tf.mul(x, 1 / 3), 0.5)
        const above = tf.cast(tf.greaterEqual(x, 3), 'float32')
        return tf.mul(dy, tf.where(tf.less(tf.abs(x), 3), slope, above))
      },
    }
  })(x)
}
