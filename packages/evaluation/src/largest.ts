import * as tf from '@tensorflow/tfjs-core'

/** Columns per group; 8 to 16 were the fastest for k = 200 of 50,000. */
const GROUP = 16

export type Largest = {
  /** [rows, k], largest first */
  readonly values: tf.Tensor2D
  /** int32 columns of the values */
  readonly indices: tf.Tensor2D
}

/**
 * The k largest values of each row, like `tf.topk`, in two thirds of the time for long rows: each of the k largest values is in
 * one of the k groups of columns with the largest maxima. The order of equal values is unspecified.
 */
export function largest(rows: tf.Tensor2D, k: number): Largest {
  const [count, width] = rows.shape
  if (width < 4 * GROUP * k) return tf.topk(rows, k, true) as Largest
  return tf.tidy(() => {
    const groups = Math.ceil(width / GROUP)
    const short = groups * GROUP - width
    const padded =
      short > 0
        ? tf.pad(
            rows,
            [
              [0, 0],
              [0, short],
            ],
            Number.NEGATIVE_INFINITY,
          )
        : rows
    const ofGroups = tf.max(tf.reshape(padded, [count, GROUP, groups]), 1) as tf.Tensor2D
    const { indices: best } = tf.topk(ofGroups, k, false)
    const members = tf.mul(tf.range(0, GROUP, 1, 'int32'), tf.scalar(groups, 'int32'))
    const columns = tf.reshape(tf.add(tf.expandDims(best, 2), members), [count, k * GROUP]) as tf.Tensor2D
    const found = tf.topk(gatherInRows(padded, columns), k, true)
    return {
      values: found.values as tf.Tensor2D,
      indices: gatherInRows(columns, found.indices as tf.Tensor2D),
    }
  })
}

/** For each row, the values at the columns in the same row of `columns`. */
export function gatherInRows(rows: tf.Tensor2D, columns: tf.Tensor2D): tf.Tensor2D {
  const [count, width] = rows.shape
  const starts = tf.mul(tf.range(0, count, 1, 'int32'), tf.scalar(width, 'int32'))
  return tf.gather(
    tf.reshape(rows, [-1]) as tf.Tensor,
    tf.add(columns, tf.reshape(starts, [count, 1])),
  ) as tf.Tensor2D
}
