import { assertMatrix, expected, stopGradient } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { distancesBetweenAll, distancesByRow } from './distances.js'
import { labelPairs, maskedMean, whereNotZero } from './label-pairs.js'
import { overTriplets } from './triplets.js'
import { withKernels } from './with-kernels.js'

export interface TripletOptions {
  /** minimum difference between the distances to the negative and to the positive; default 0.2 as in FaceNet */
  readonly margin?: number
  /** use squared Euclidean distances, as in FaceNet; default true */
  readonly squared?: boolean
  /** normalise embeddings to length 1 first, as in FaceNet; default true */
  readonly normalise?: boolean
  /** log(1 + exp(x)) instead of max(0, x), which has a small gradient for satisfied triplets too; default false */
  readonly softMargin?: boolean
}

export interface LabelledTripletOptions extends TripletOptions {
  /**
   * `hard`: each anchor with its farthest positive and nearest negative (batch hard of Hermans et al.); `all`: every
   * triplet (batch all); `semi-hard`: triplets whose negative is farther than the positive by less than the margin
   * (Schroff et al., section 3.2); default `hard`
   */
  readonly mining?: 'all' | 'hard' | 'semi-hard'
  /** `mean`: mean over all triplets; `nonZero`: over those whose loss is not 0; default `mean` for `hard`, else `nonZero` */
  readonly reduction?: 'mean' | 'nonZero'
}

/**
 * Triplet loss: the distance of an anchor to its positive should be smaller than that to its negative by a margin (Schroff
 * et al. 2015, FaceNet, arXiv:1503.03832, section 3.1). Returns the mean over the triplets.
 *
 * @param anchor, positive, negative embeddings, each [batch, features]
 * @returns scalar, >= 0
 * @throws ShapeError when the shapes differ or are not matrices
 * @throws SelfsupError when the margin is negative
 */
export function triplet(
  anchor: tf.Tensor2D,
  positive: tf.Tensor2D,
  negative: tf.Tensor2D,
  { margin = 0.2, squared = true, normalise = true, softMargin = false }: TripletOptions = {},
): tf.Scalar {
  assertMatrix('triplet', { anchor, positive, negative })
  expected(margin >= 0, `triplet: margin must not be negative; got ${margin}`)
  return withKernels(() => {
    const options = { normalise, squared }
    const toPositive = distancesByRow(anchor, positive, options)
    const toNegative = distancesByRow(anchor, negative, options)
    const violation = tf.add(tf.sub(toPositive, toNegative), margin)
    return tf.mean(softMargin ? tf.softplus(violation) : tf.relu(violation)) as tf.Scalar
  })
}

/** Replaces distances that a mask excludes. */
const EXCLUDED = 1e30

/**
 * Triplet loss of a labelled batch, with triplets selected from the batch (Hermans et al. 2017, "In defense of the triplet
 * loss", arXiv:1703.07737).
 *
 * @param z embeddings, [batch, features]
 * @param labels class numbers, [batch]; rows with a negative number are ignored
 * @returns scalar, >= 0; 0 when there is no triplet
 * @throws ShapeError when the shapes do not match
 * @throws SelfsupError when the margin is negative
 */
export function labelledTriplet(
  z: tf.Tensor2D,
  labels: tf.Tensor1D,
  options: LabelledTripletOptions = {},
): tf.Scalar {
  const { margin = 0.2, squared = true, normalise = true, softMargin = false, mining = 'hard' } = options
  const { reduction = mining === 'hard' ? 'mean' : 'nonZero' } = options
  expected(margin >= 0, `labelledTriplet: margin must not be negative; got ${margin}`)
  return withKernels(() => {
    const { positive, negative } = labelPairs('labelledTriplet', z, labels)
    const distances = distancesBetweenAll(z, { normalise, squared })
    if (mining !== 'hard') {
      const band = mining === 'semi-hard'
      const { sum, nonZero, count } = overTriplets(distances, positive, negative, {
        margin,
        softMargin,
        band,
      })
      return tf.div(sum, tf.maximum(reduction === 'mean' ? count : nonZero, 1)) as tf.Scalar
    }
    // Selected by index, so that of several equal distances only one receives a gradient.
    const still = stopGradient(distances)
    const farthest = chosen(distances, tf.argMax(tf.where(tf.cast(positive, 'bool'), still, -EXCLUDED), 1))
    const nearest = chosen(distances, tf.argMin(tf.where(tf.cast(negative, 'bool'), still, EXCLUDED), 1))
    const usable = tf.mul(tf.max(positive, 1), tf.max(negative, 1))
    const violation = tf.mul(tf.add(tf.sub(farthest, nearest), margin), usable)
    const values = softMargin ? tf.softplus(violation) : tf.relu(violation)
    return maskedMean(values, reduction === 'mean' ? usable : whereNotZero(values, usable))
  })
}

/** The distance at the given column index of each row. */
function chosen(distances: tf.Tensor2D, index: tf.Tensor): tf.Tensor {
  const columns = tf.range(0, distances.shape[1], 1, 'int32')
  const mask = tf.cast(tf.equal(tf.expandDims(tf.cast(index, 'int32'), 1), columns), 'float32')
  return tf.sum(tf.mul(distances, mask), 1)
}
