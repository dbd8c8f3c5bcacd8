import { assertRank } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'

/**
 * One sentence; here: the mean of all rows (authors, year, equation).
 * @param x [batch, features]
 * @returns [features]
 * @throws ShapeError when x is no matrix
 */
export function retrieval(x: tf.Tensor2D): tf.Tensor1D {
  assertRank('retrieval', 'x', x, 2, '[batch, features]')
  return tf.mean(x, 0)
}
