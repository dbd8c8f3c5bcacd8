import { derive, normals, ShapeError } from '@selfsup/core'
import { rowsOfAllWorkers } from '@selfsup/kernels/losses'
import * as tf from '@tensorflow/tfjs-core'

/** Queue of keys that serve as negatives: first in, first out. */
export interface KeyQueue {
  /** [size, features], rows of length 1 */
  readonly keys: tf.Variable<tf.Rank.R2>
  /** int32 scalar: row of the oldest key, which is replaced next */
  readonly position: tf.Variable<tf.Rank.R0>
  /**
   * Replaces the oldest keys by a batch of new ones. After the last row it continues with the first. With several workers the
   * batch is that of all of them, so that their queues stay the same.
   * @param keys [batch, features], at most as many as the queue holds
   * @throws ShapeError when the batch is larger than the queue or has a different number of features
   */
  enqueue(keys: tf.Tensor2D): void
  dispose(): void
}

/**
 * Creates a queue of keys (He et al. 2020, arXiv:1911.05722, section 3.2 and algorithm 1). Its size need not be a multiple
 * of the batch size. It initially holds random directions, as in the paper's code.
 * @param size number of keys
 * @param features number of features of a key
 * @param seed seed of the random directions
 */
export function keyQueue(size: number, features: number, seed: number): KeyQueue {
  const [keys, position] = tf.tidy(() => [
    tf.variable(tf.tensor2d(directions(size, features, seed), [size, features]), false),
    tf.variable(tf.scalar(0, 'int32'), false),
  ]) as [tf.Variable<tf.Rank.R2>, tf.Variable<tf.Rank.R0>]
  return {
    keys,
    position,
    enqueue(own) {
      const batch = rowsOfAllWorkers(own)
      const [count, width] = batch.shape
      if (count > size || width !== features) {
        throw new ShapeError(
          `keyQueue: a batch must have shape [at most ${size}, ${features}], because the queue is [${size},${features}]; got [${batch.shape}]`,
        )
      }
      tf.tidy(() => {
        const length = tf.scalar(size, 'int32')
        const rows = tf.mod(tf.add(tf.range(0, count, 1, 'int32'), position), length)
        keys.assign(tf.tensorScatterUpdate(keys, tf.expandDims(rows, 1), batch) as tf.Tensor2D)
        position.assign(tf.mod(tf.add(position, tf.scalar(count, 'int32')), length) as tf.Scalar)
      })
    },
    dispose: () => tf.dispose([keys, position]),
  }
}

/** Random rows of length 1. They are drawn on the host so that every engine has the same ones. */
function directions(rows: number, width: number, seed: number): Float32Array {
  const values = normals(derive([seed, 0], 0x9e0e), rows * width)
  for (let start = 0; start < values.length; start += width) {
    const row = values.subarray(start, start + width)
    const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0))
    for (let i = 0; i < width; i++) row[i]! /= length
  }
  return values
}
