import { stopGradient } from '@selfsup/core'
import { matMulFloat32 } from '@selfsup/kernels/losses'
import * as tf from '@tensorflow/tfjs-core'
import { l2Normalise } from './l2-normalise.js'

/** Smaller squared distances are rounding error: the rows count as equal, with distance 0 and no gradient. */
const NOISE = 1e-12

/** The same limit for squared distances computed from a product, relative to the squared lengths of the rows. */
const RELATIVE_NOISE = 1e-6

export interface DistanceOptions {
  /** normalise embeddings to length 1 first */
  readonly normalise: boolean
  /** squared Euclidean instead of Euclidean */
  readonly squared: boolean
}

/**
 * Euclidean distances between all rows, computed with one matrix product.
 * @param z [batch, features]
 * @returns [batch, batch], >= 0; differentiable, with gradient 0 for equal rows
 */
export function distancesBetweenAll(z: tf.Tensor2D, { normalise, squared }: DistanceOptions): tf.Tensor2D {
  const x = normalise ? l2Normalise(z) : z
  const lengths = tf.sum(tf.square(x), 1)
  const products = matMulFloat32(x, x, false, true)
  const sums = tf.add(tf.expandDims(lengths, 1), lengths)
  const distances = tf.sub(sums, tf.mul(products, 2))
  const noise = stopGradient(tf.maximum(tf.mul(sums, RELATIVE_NOISE), NOISE))
  return (squared ? tf.relu(distances) : root(distances, noise)) as tf.Tensor2D
}

/**
 * Euclidean distances between corresponding rows.
 * @param a, b each [batch, features]
 * @returns [batch], >= 0; differentiable, with gradient 0 for equal rows
 */
export function distancesByRow(
  a: tf.Tensor2D,
  b: tf.Tensor2D,
  { normalise, squared }: DistanceOptions,
): tf.Tensor1D {
  const difference = normalise ? tf.sub(l2Normalise(a), l2Normalise(b)) : tf.sub(a, b)
  const distances = tf.sum(tf.square(difference), 1)
  return (squared ? distances : root(distances, tf.scalar(NOISE))) as tf.Tensor1D
}

/** Square root that is exactly 0 for equal rows, so that these do not count as distances above 0. */
function root(squaredDistances: tf.Tensor, noise: tf.Tensor): tf.Tensor {
  const apart = tf.greater(stopGradient(squaredDistances), noise)
  return tf.where(apart, tf.sqrt(tf.maximum(squaredDistances, noise)), 0)
}
