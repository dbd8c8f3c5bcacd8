import { assertMatrix, expected } from '@selfsup/core'
import { matMulFloat32, standardise, workerCount } from '@selfsup/kernels/losses'
import * as tf from '@tensorflow/tfjs-core'
import { allRows } from './all-rows.js'
import { withKernels } from './with-kernels.js'

/** Added to the variance before the square root, as in batch normalisation. */
const EPSILON = 1e-5

export interface BarlowTwinsOptions {
  /** weight of the off-diagonal (redundancy) term; default 0.005 */
  readonly lambda?: number
}

/**
 * Barlow Twins loss: pushes the cross-correlation matrix of two views' embeddings towards the identity, so that features
 * agree between views and are uncorrelated with each other (Zbontar et al. 2021, arXiv:2103.03230, eq. 1).
 *
 * @param z1, z2 embeddings of the two views, each [batch, features]
 * @param options.lambda weight of the redundancy term, >= 0; default 0.005
 * @returns scalar, >= 0
 * @throws ShapeError when the shapes differ or batch < 2
 * @throws SelfsupError when lambda is negative
 */
export function barlowTwins(
  z1: tf.Tensor2D,
  z2: tf.Tensor2D,
  { lambda = 0.005 }: BarlowTwinsOptions = {},
): tf.Scalar {
  assertMatrix('barlowTwins', { z1, z2 }, workerCount() > 1 ? 1 : 2)
  expected(lambda >= 0, `barlowTwins: lambda must not be negative; got ${lambda}`)
  return withKernels(() => {
    const [first, second] = allRows(z1, z2).map((z) => standardise(z, EPSILON)) as [tf.Tensor2D, tf.Tensor2D]
    const diagonal = tf.mean(tf.mul(first, second), 0)
    const invariance = tf.sum(tf.square(tf.sub(diagonal, 1)))
    const all = sumOfSquaredCorrelations(first, second)
    const redundancy = tf.sub(all, tf.sum(tf.square(diagonal)))
    return tf.add(invariance, tf.mul(redundancy, lambda)) as tf.Scalar
  })
}

/**
 * Sum over all entries of (first^T second / batch)^2. With fewer rows than features, the products of rows give the same
 * number, because |A^T B|^2 = sum of (A A^T) x (B B^T), with less work and without a features x features matrix.
 */
function sumOfSquaredCorrelations(first: tf.Tensor2D, second: tf.Tensor2D): tf.Tensor {
  const [batch, features] = first.shape
  if (batch >= features) return tf.sum(tf.square(tf.div(matMulFloat32(first, second, true), batch)))
  const products = (z: tf.Tensor2D) => tf.div(matMulFloat32(z, z, false, true), batch)
  return tf.sum(tf.mul(products(first), products(second)))
}
