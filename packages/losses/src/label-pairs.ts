import { assertRank, formatShape, ShapeError, stopGradient } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'

/** Masks of the positive and negative pairs of a batch: 1 for such a pair, otherwise 0; each [batch, batch]. */
export interface LabelPairs {
  /** same label, but not the same row */
  readonly positive: tf.Tensor2D
  /** different labels */
  readonly negative: tf.Tensor2D
}

/**
 * Finds the positive and negative pairs of a labelled batch. Rows with a negative label have no label and are in no pair.
 *
 * @param where name of the calling function, for error messages
 * @param z [batch, features]
 * @param labels class numbers, [batch]
 * @throws ShapeError when `z` is not a matrix, or there is not one label per row
 */
export function labelPairs(where: string, z: tf.Tensor2D, labels: tf.Tensor1D): LabelPairs {
  assertRank(where, 'z', z, 2, '[batch, features]')
  const batch = z.shape[0]
  if (labels.rank !== 1 || labels.shape[0] !== batch) {
    throw new ShapeError(
      `${where}: labels must be [${batch}], one for each row of z ${formatShape(z.shape)}; ` +
        `got ${formatShape(labels.shape)}`,
    )
  }
  return tf.tidy(() => {
    const column = tf.expandDims(labels, 1)
    const labelled = tf.greaterEqual(labels, 0)
    const both = tf.logicalAnd(tf.expandDims(labelled, 1), labelled)
    const same = tf.equal(column, labels)
    const rows = tf.range(0, batch, 1, 'int32')
    const other = tf.notEqual(tf.expandDims(rows, 1), rows)
    const mask = (condition: tf.Tensor) => tf.cast(tf.logicalAnd(condition, both), 'float32') as tf.Tensor2D
    return { positive: mask(tf.logicalAnd(same, other)), negative: mask(tf.logicalNot(same)) }
  })
}

/** Mean of the `values` whose mask is 1; 0 if there are none. */
export function maskedMean(values: tf.Tensor, mask: tf.Tensor): tf.Scalar {
  return tf.div(tf.sum(tf.mul(values, mask)), tf.maximum(tf.sum(mask), 1)) as tf.Scalar
}

/** Sets the mask to 0 where the value is 0, so that pairs without a loss do not dilute the mean. */
export function whereNotZero(values: tf.Tensor, mask: tf.Tensor): tf.Tensor {
  return tf.mul(mask, tf.cast(tf.greater(stopGradient(values), 0), 'float32'))
}
