import { assertMatrix, expected } from '@selfsup/core'
import { logSumExpOfProducts, matMulFloat32 } from '@selfsup/kernels/losses'
import * as tf from '@tensorflow/tfjs-core'
import { l2Normalise } from './l2-normalise.js'
import { labelPairs } from './label-pairs.js'
import { withKernels } from './with-kernels.js'

export interface NPairOptions {
  /** weight of the L2 regularisation, the mean squared length of the embeddings; default 0 */
  readonly regularisation?: number
  /** use cosine similarities instead of dot products; default false */
  readonly normalise?: boolean
  /** class number of each pair, [pairs]; pairs of one class are positives of each other; default: all classes differ */
  readonly labels?: tf.Tensor1D
}

/**
 * Multi-class N-pair loss: cross entropy of classifying each anchor's positive among the positives of all pairs (Sohn 2016,
 * "Improved deep metric learning with multi-class N-pair loss objective", the N-pair-mc loss).
 *
 * @param anchors, positives each [pairs, features]
 * @returns scalar, >= 0
 * @throws ShapeError when the shapes do not match
 * @throws SelfsupError when the regularisation is negative
 */
export function nPair(
  anchors: tf.Tensor2D,
  positives: tf.Tensor2D,
  { regularisation = 0, normalise = false, labels }: NPairOptions = {},
): tf.Scalar {
  assertMatrix('nPair', { anchors, positives })
  expected(regularisation >= 0, `nPair: regularisation must not be negative; got ${regularisation}`)
  return withKernels(() => {
    const [a, p] = normalise ? [l2Normalise(anchors), l2Normalise(positives)] : [anchors, positives]
    const bound = normalise ? 1 : Number.POSITIVE_INFINITY
    const toAll = logSumExpOfProducts(a, p, { bound })
    const toOwn = tf.sum(tf.mul(a, labels ? meansOfClasses(p, labels) : p), 1)
    const loss = tf.mean(tf.sub(toAll, toOwn)) as tf.Scalar
    if (regularisation === 0) return loss
    const squares = tf.add(tf.sum(tf.square(anchors)), tf.sum(tf.square(positives)))
    return tf.add(loss, tf.mul(squares, regularisation / (2 * anchors.shape[0]))) as tf.Scalar
  })
}

/** For each row, the mean of all rows with the same label, including itself. */
function meansOfClasses(p: tf.Tensor2D, labels: tf.Tensor1D): tf.Tensor2D {
  const { positive } = labelPairs('nPair', p, labels)
  const sums = tf.add(matMulFloat32(positive, p), p)
  return tf.div(sums, tf.add(tf.sum(positive, 1, true), 1)) as tf.Tensor2D
}
