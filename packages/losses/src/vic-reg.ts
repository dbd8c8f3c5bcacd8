import { assertMatrix } from '@selfsup/core'
import { matMulFloat32, workerCount } from '@selfsup/kernels/losses'
import * as tf from '@tensorflow/tfjs-core'
import { allRows } from './all-rows.js'
import { withKernels } from './with-kernels.js'

/** Added to the variance before the square root. */
const EPSILON = 1e-4

export interface VicRegOptions {
  /** weight of the mean squared distance between the views; default 25 */
  readonly invariance?: number
  /** weight of the hinge that keeps the standard deviation of each feature above 1; default 25 */
  readonly variance?: number
  /** weight of the squared covariances between features; default 1 */
  readonly covariance?: number
}

/**
 * VICReg loss: pulls two views together, keeps the variance of every feature over the batch and decorrelates the features
 * (Bardes et al. 2022, arXiv:2105.04906, eq. 6). As in the authors' code, the variance term is the mean over both views,
 * the covariance term the sum.
 *
 * @param z1, z2 embeddings of the two views, each [batch, features]
 * @returns scalar, >= 0
 * @throws ShapeError when the shapes differ or batch < 2
 */
export function vicReg(
  z1: tf.Tensor2D,
  z2: tf.Tensor2D,
  { invariance = 25, variance = 25, covariance = 1 }: VicRegOptions = {},
): tf.Scalar {
  assertMatrix('vicReg', { z1, z2 }, workerCount() > 1 ? 1 : 2)
  return withKernels(() => {
    const [all1, all2] = allRows(z1, z2)
    const distance = tf.mean(tf.square(tf.sub(all1, all2)))
    const [first, second] = [spread(all1), spread(all2)]
    const collapsed = tf.mul(tf.add(first.collapsed, second.collapsed), 0.5)
    const redundant = tf.add(first.redundant, second.redundant)
    return tf.addN([
      tf.mul(distance, invariance),
      tf.mul(collapsed, variance),
      tf.mul(redundant, covariance),
    ]) as tf.Scalar
  })
}

/** Variance term (how far standard deviations are below 1) and covariance term of one view. */
function spread(z: tf.Tensor2D): { collapsed: tf.Tensor; redundant: tf.Tensor } {
  const [batch, features] = z.shape
  const centred = tf.sub(z, tf.mean(z, 0))
  const variances = tf.div(tf.sum(tf.square(centred), 0), batch - 1)
  const collapsed = tf.mean(tf.relu(tf.sub(1, tf.sqrt(tf.add(variances, EPSILON)))))
  // The squared entries of z^T z and of z z^T have the same sum, so the smaller matrix is used.
  const products = tf.div(matMulFloat32(centred, centred, batch >= features, batch < features), batch - 1)
  const covariances = tf.sub(tf.sum(tf.square(products)), tf.sum(tf.square(variances)))
  return { collapsed, redundant: tf.div(covariances, features) }
}
