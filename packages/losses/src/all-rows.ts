import { rowsOfAllWorkers, workerCount } from '@selfsup/kernels/losses'
import * as tf from '@tensorflow/tfjs-core'

/**
 * The rows of all workers of two embeddings, so that a loss is that of the whole batch. With one worker it returns its arguments.
 * Both are exchanged at once.
 */
export function allRows<T extends tf.Tensor>(first: T, second: T): [T, T] {
  if (workerCount() === 1) return [first, second]
  const both = tf.stack([first, second], 1)
  const all = rowsOfAllWorkers(both)
  return tf.unstack(all, 1) as [T, T]
}
