import { stopGradient } from '@selfsup/core'
import { matMulFloat32 } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import { l2Normalise } from './l2-normalise.js'

/** Below it a squared distance of float32 is noise: the rows coincide, at distance 0 and without a gradient. */
const NOISE = 1e-12

/** The same for squared distances out of a product, relative to the rows' squared lengths, which float32 rounds. */
const RELATIVE_NOISE = 1e-6

export interface DistanceOptions {
  /** of embeddings scaled to length 1 */
  readonly normalise: boolean
  /** squared Euclidean instead of Euclidean */
  readonly squared: boolean
}

/**
 * Euclidean distances between all rows, through one matrix product.
 * @param z [batch, features]
 * @returns [batch, batch], >= 0; differentiable, with gradient 0 where two rows coincide
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
 * Euclidean distances between rows of the same number.
 * @param a, b each [batch, features]
 * @returns [batch], >= 0; differentiable, with gradient 0 where two rows coincide
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

/** Exactly 0 where rows coincide: what counts distances above 0 does not count those. */
function root(squaredDistances: tf.Tensor, noise: tf.Tensor): tf.Tensor {
  const apart = tf.greater(stopGradient(squaredDistances), noise)
  return tf.where(apart, tf.sqrt(tf.maximum(squaredDistances, noise)), 0)
}
