import { assertMatrix, expected, stopGradient } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { distancesBetweenAll, distancesByRow } from './distances.js'
import { labelPairs, maskedMean, whereNotZero } from './label-pairs.js'
import { overTriplets } from './triplets.js'
import { withKernels } from './with-kernels.js'

export interface TripletOptions {
  /** how much farther the negative should be than the positive; default 0.2 as in FaceNet */
  readonly margin?: number
  /** squared Euclidean distances, as in FaceNet; default true */
  readonly squared?: boolean
  /** distances between embeddings scaled to length 1, as in FaceNet; default true */
  readonly normalise?: boolean
  /** log(1 + exp(x)) in place of max(0, x): well-ordered triplets keep a small pull; default false */
  readonly softMargin?: boolean
}

export interface LabelledTripletOptions extends TripletOptions {
  /**
   * `hard`: each anchor with its farthest positive and its nearest negative (Hermans et al.'s batch hard);
   * `all`: every triplet (batch all); `semi-hard`: those whose negative is farther than the positive, but
   * by less than the margin (Schroff et al., section 3.2); default `hard`
   */
  readonly mining?: 'all' | 'hard' | 'semi-hard'
  /** `mean`: over all triplets; `nonZero`: over those with a loss; default `mean` for `hard`, else `nonZero` */
  readonly reduction?: 'mean' | 'nonZero'
}

/**
 * Triplet loss: an anchor should be nearer to its positive than to its negative, by a margin
 * (Schroff et al. 2015, FaceNet, arXiv:1503.03832, section 3.1). The mean over the triplets.
 *
 * @param anchor, positive, negative embeddings, each [batch, features]
 * @returns scalar, >= 0
 * @throws ShapeError when the shapes differ or are no matrices
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

/** Farther than anything: stands where a mask excludes a distance. */
const NOWHERE = 1e30

/**
 * The triplet loss on a labelled batch, with its triplets chosen among all of the batch
 * (Hermans et al. 2017, "In defense of the triplet loss", arXiv:1703.07737).
 *
 * @param z embeddings, [batch, features]
 * @param labels class numbers, [batch]; rows with a negative one are left out
 * @returns scalar, >= 0; 0 when there is no triplet
 * @throws ShapeError when the shapes do not fit
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
    // By index: where several are equally far, the gradient is of one of them, not of all.
    const still = stopGradient(distances)
    const farthest = chosen(distances, tf.argMax(tf.where(tf.cast(positive, 'bool'), still, -NOWHERE), 1))
    const nearest = chosen(distances, tf.argMin(tf.where(tf.cast(negative, 'bool'), still, NOWHERE), 1))
    const usable = tf.mul(tf.max(positive, 1), tf.max(negative, 1))
    const violation = tf.mul(tf.add(tf.sub(farthest, nearest), margin), usable)
    const values = softMargin ? tf.softplus(violation) : tf.relu(violation)
    return maskedMean(values, reduction === 'mean' ? usable : whereNotZero(values, usable))
  })
}

/** Of each row the distance in the column of that index. */
function chosen(distances: tf.Tensor2D, index: tf.Tensor): tf.Tensor {
  const columns = tf.range(0, distances.shape[1], 1, 'int32')
  const mask = tf.cast(tf.equal(tf.expandDims(tf.cast(index, 'int32'), 1), columns), 'float32')
  return tf.sum(tf.mul(distances, mask), 1)
}
