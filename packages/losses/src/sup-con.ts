import { expected } from '@selfsup/core'
import { logSumExpOfPairs, matMulFloat32 } from '@selfsup/kernels/losses'
import * as tf from '@tensorflow/tfjs-core'
import { l2Normalise } from './l2-normalise.js'
import { labelPairs, maskedMean } from './label-pairs.js'
import { withKernels } from './with-kernels.js'

export interface SupConOptions {
  /** cosine similarities are divided by it; default 0.1 */
  readonly temperature?: number
}

/**
 * Supervised contrastive loss: NT-Xent in which all rows of a class are positives of each other (Khosla et al. 2020,
 * arXiv:2004.11362, eq. 2). Rows that are the only one of their class are used as negatives only.
 *
 * @param z embeddings, [batch, features], one row per view; need not be normalised
 * @param labels class numbers, [batch]; rows with a negative number are negatives of all others
 * @returns scalar; 0 when no two rows share a class
 * @throws ShapeError when the shapes do not match or there are fewer than 2 rows
 * @throws SelfsupError when the temperature is not above 0
 */
export function supCon(
  z: tf.Tensor2D,
  labels: tf.Tensor1D,
  { temperature = 0.1 }: SupConOptions = {},
): tf.Scalar {
  expected(temperature > 0, `supCon: temperature must be above 0; got ${temperature}`)
  return withKernels(() => {
    const { positive } = labelPairs('supCon', z, labels)
    const scaled = tf.mul(l2Normalise(z), Math.sqrt(1 / temperature)) as tf.Tensor2D
    const toAll = logSumExpOfPairs(scaled, { bound: 1 / temperature })
    const count = tf.sum(positive, 1)
    const toOwn = tf.div(tf.sum(tf.mul(scaled, matMulFloat32(positive, scaled)), 1), tf.maximum(count, 1))
    return maskedMean(tf.sub(toAll, toOwn), tf.cast(tf.greater(count, 0), 'float32'))
  })
}
