import { randomOrders, rowsInAll, rowsOfAllWorkers, rowsOfThisWorker } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'

/**
 * Shuffling batch normalisation: encodes the batch in a random order and restores the original order, so that a key is
 * normalised together with different images than its query. Otherwise the network could find the key by the batch
 * statistics that both share (He et al. 2020, arXiv:1911.05722, section 3.3 and figure A.1). This has an effect only if
 * the encoder normalises groups of the batch separately: the statistics of a whole batch do not depend on its order.
 *
 * With several workers the order is that of all images, as in the paper: each encodes images of the others.
 *
 * @param x [batch, ...], any rank
 * @param seed int32 [2], seed of the random order
 * @param encode computes the keys of a batch
 * @returns the keys, [batch, features], in the order of `x`; not differentiable
 */
export function inRandomOrder(
  x: tf.Tensor,
  seed: tf.Tensor1D,
  encode: (x: tf.Tensor) => tf.Tensor2D,
): tf.Tensor2D {
  return tf.tidy(() => {
    const order = tf.reshape(randomOrders(1, rowsInAll(x.shape[0]!), seed), [-1]) as tf.Tensor1D
    const own = encode(tf.gather(rowsOfAllWorkers(x), rowsOfThisWorker(order)))
    const keys = rowsOfAllWorkers(own)
    return rowsOfThisWorker(tf.scatterND(tf.expandDims(order, 1), keys, keys.shape) as tf.Tensor2D)
  })
}
