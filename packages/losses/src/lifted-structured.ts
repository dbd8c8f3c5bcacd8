import { expected, stopGradient } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { distancesBetweenAll } from './distances.js'
import { labelPairs, maskedMean } from './label-pairs.js'
import { withKernels } from './with-kernels.js'

export interface LiftedStructuredOptions {
  /** distance that negative pairs should have at least; default 1 */
  readonly margin?: number
  /** distance that positive pairs should have at most; default 0 */
  readonly positiveMargin?: number
  /** normalise embeddings to length 1 first; default false */
  readonly normalise?: boolean
}

/**
 * Lifted structured loss: compares each positive pair with all negatives of both its members (Oh Song et al. 2016,
 * arXiv:1511.06452, eq. 4).
 *
 * @param z embeddings, [batch, features]
 * @param labels class numbers, [batch]; rows with a negative number are ignored
 * @returns scalar, >= 0; 0 when there are no positive or no negative pairs
 * @throws ShapeError when the shapes do not match
 * @throws SelfsupError when a margin is negative
 */
export function liftedStructured(
  z: tf.Tensor2D,
  labels: tf.Tensor1D,
  { margin = 1, positiveMargin = 0, normalise = false }: LiftedStructuredOptions = {},
): tf.Scalar {
  assertMargins('liftedStructured', margin, positiveMargin)
  return withKernels(() => {
    const { positive, negative } = labelPairs('liftedStructured', z, labels)
    const distances = distancesBetweenAll(z, { normalise, squared: false })
    const ofRow = maskedLogSumExp(tf.sub(margin, distances), negative)
    const ofColumn = tf.reshape(ofRow, [1, -1])
    // log(exp(row) + exp(column)), without overflow
    const ofBoth = tf.add(ofColumn, tf.softplus(tf.sub(ofRow, ofColumn)))
    const excess = tf.relu(tf.add(ofBoth, tf.sub(distances, positiveMargin)))
    const usable = tf.mul(positive, tf.max(negative, 1, true))
    return tf.mul(maskedMean(tf.square(excess), usable), 0.5) as tf.Scalar
  })
}

/**
 * Generalised lifted structured loss: compares all positives of an anchor with all its negatives (Hermans et al. 2017,
 * arXiv:1703.07737, the generalised lifted embedding loss).
 *
 * @param z embeddings, [batch, features]
 * @param labels class numbers, [batch]; rows with a negative number are ignored
 * @returns scalar, >= 0
 * @throws ShapeError when the shapes do not match
 * @throws SelfsupError when a margin is negative
 */
export function generalisedLiftedStructured(
  z: tf.Tensor2D,
  labels: tf.Tensor1D,
  { margin = 1, positiveMargin = 0, normalise = false }: LiftedStructuredOptions = {},
): tf.Scalar {
  assertMargins('generalisedLiftedStructured', margin, positiveMargin)
  return withKernels(() => {
    const { positive, negative } = labelPairs('generalisedLiftedStructured', z, labels)
    const distances = distancesBetweenAll(z, { normalise, squared: false })
    const ofPositives = maskedLogSumExp(tf.sub(distances, positiveMargin), positive)
    const ofNegatives = maskedLogSumExp(tf.sub(margin, distances), negative)
    const usable = tf.max(tf.maximum(positive, negative), 1, true)
    return maskedMean(tf.relu(tf.add(ofPositives, ofNegatives)), usable)
  })
}

function assertMargins(where: string, margin: number, positiveMargin: number): void {
  expected(margin >= 0, `${where}: margin must not be negative; got ${margin}`)
  expected(positiveMargin >= 0, `${where}: positiveMargin must not be negative; got ${positiveMargin}`)
}

/** log of the sum of exp over the entries of each row whose mask is 1, [rows, 1]; 0 if there are none. */
function maskedLogSumExp(values: tf.Tensor2D, mask: tf.Tensor2D): tf.Tensor2D {
  const some = tf.max(mask, 1, true)
  const included = tf.where(tf.cast(mask, 'bool'), values, -1e30)
  const highest = tf.mul(stopGradient(tf.max(included, 1, true)), some)
  const sums = tf.sum(tf.exp(tf.sub(included, highest)), 1, true)
  // Without entries the sum is 0; it is set to 1, whose logarithm is 0.
  return tf.add(tf.log(tf.add(sums, tf.sub(1, some))), highest) as tf.Tensor2D
}
