import { assertMatrix } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'

/** Probabilities below it count as it: the reference code's sys.float_info.epsilon. */
const EPSILON = 2 ** -52

export interface IicOptions {
  /** weight of the marginals' entropies: above 1 clusters are drawn towards equal size; default 1 */
  readonly lambda?: number
}

/**
 * Invariant information clustering: the negative mutual information between the cluster assignments of
 * two views, from their symmetrised joint distribution over the batch (Ji et al. 2019, arXiv:1807.06653,
 * eq. 3; lambda and the clamping as in the reference code's IID_loss).
 *
 * @param p1, p2 cluster probabilities (softmax outputs) of the two views, each [batch, clusters]
 * @param options.lambda default 1, the mutual information itself
 * @returns scalar; with lambda 1 within [-log(clusters), 0]
 * @throws ShapeError when the shapes differ or are no matrices
 */
export function iic(p1: tf.Tensor2D, p2: tf.Tensor2D, { lambda = 1 }: IicOptions = {}): tf.Scalar {
  assertMatrix('iic', { p1, p2 })
  return tf.tidy(() => {
    const counts = tf.matMul(p1, p2, true)
    const symmetric = tf.add(counts, tf.transpose(counts))
    const joint = tf.div(symmetric, tf.sum(symmetric))
    const logOf = (p: tf.Tensor) => tf.log(tf.maximum(p, EPSILON))
    const rows = logOf(tf.sum(joint, 1, true))
    const columns = logOf(tf.sum(joint, 0, true))
    const information = tf.sub(logOf(joint), tf.mul(tf.add(rows, columns), lambda))
    return tf.neg(tf.sum(tf.mul(tf.maximum(joint, EPSILON), information))) as tf.Scalar
  })
}
