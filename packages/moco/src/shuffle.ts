import { randomOrders } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'

/**
 * Shuffling batch normalisation: keys are computed in a random order of the batch and put back, so that a key is
 * normalised together with other images than its query; otherwise a network finds its key by the statistics that
 * both share (He et al. 2020, arXiv:1911.05722, section 3.3 and figure A.1). For an encoder that normalises parts of
 * the batch apart: of a whole batch every order has the same statistics.
 *
 * @param x any rank, the batch first
 * @param seed int32 [2], of the order
 * @param encode from a batch in any order to its keys
 * @returns what `encode` gives, [batch, features], in the order of `x`; not differentiable
 */
export function inRandomOrder(
  x: tf.Tensor,
  seed: tf.Tensor1D,
  encode: (x: tf.Tensor) => tf.Tensor2D,
): tf.Tensor2D {
  return tf.tidy(() => {
    const order = tf.reshape(randomOrders(1, x.shape[0]!, seed), [-1]) as tf.Tensor1D
    const keys = encode(tf.gather(x, order))
    return tf.scatterND(tf.expandDims(order, 1), keys, keys.shape) as tf.Tensor2D
  })
}
