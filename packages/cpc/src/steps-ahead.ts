import { expected, stopGradient } from '@selfsup/core'
import { matMulFloat32 } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'

/** Loss and accuracy of predictions a number of steps ahead. */
export interface StepsAhead {
  /** InfoNCE, >= 0; log(candidates) at chance */
  readonly loss: tf.Scalar
  /** fraction of the predictions whose own target has the highest product of all candidates, 0..1; a tie of n counts 1/n */
  readonly accuracy: tf.Scalar
}

export interface StepsAheadOptions {
  /** number of rows (or time steps) from a prediction to its target */
  readonly k: number
  /** minimum number of examples that serve as negatives of each other; the batch is split into equal groups of at least this size */
  readonly contrasted: number
  /** factor of the products of predictions and targets */
  readonly scale: number
}

/**
 * InfoNCE loss of predictions k rows ahead. The positive of a prediction is the target k rows further down in the same
 * column; the negatives are all other targets of its own and of the other examples in its group (van den Oord et al. 2018,
 * arXiv:1807.03748, eq. 3 and 4; Hénaff et al. 2019, arXiv:1905.09272, appendix A.2). Series are grids of one column.
 *
 * @param predictions W_k c of each position, [batch, rows, columns, features]; those of the last k rows are ignored
 * @param targets the encodings to predict, [batch, rows, columns, features]
 */
export function stepsAhead(
  predictions: tf.Tensor4D,
  targets: tf.Tensor4D,
  { k, contrasted, scale }: StepsAheadOptions,
): StepsAhead {
  const [batch, rows, columns, features] = targets.shape
  const groups = groupsOf(batch, contrasted)
  const [queryCount, candidates] = [rows - k, rows].map((r) => (batch / groups) * r * columns) as [
    number,
    number,
  ]
  return tf.tidy(() => {
    const before = tf.mul(tf.slice(predictions, [0, 0, 0, 0], [-1, rows - k, -1, -1]), scale)
    const after = tf.slice(targets, [0, k, 0, 0], [-1, -1, -1, -1])
    const queries = tf.reshape(before, [groups, queryCount, features])
    const logits = matMulFloat32(queries, tf.reshape(targets, [groups, candidates, features]), false, true)
    const positive = tf.reshape(tf.sum(tf.mul(before, after), -1), [groups, queryCount])

    const constant = stopGradient(logits)
    const highest = tf.max(constant, 2, true)
    const logSum = tf.add(tf.log(tf.sum(tf.exp(tf.sub(logits, highest)), 2)), tf.squeeze(highest, [2]))
    const own = tf.gather(tf.reshape(constant, [-1]), positions(groups, batch / groups, rows, columns, k))
    const best = tf.cast(tf.greaterEqual(own, tf.reshape(highest, [-1])), 'float32')
    const ties = tf.reshape(tf.sum(tf.cast(tf.greaterEqual(constant, highest), 'float32'), 2), [-1])
    return {
      loss: tf.mean(tf.sub(logSum, positive)) as tf.Scalar,
      accuracy: tf.mean(tf.div(best, ties)) as tf.Scalar,
    }
  })
}

/** Largest number of equal groups with at least `contrasted` examples each. */
function groupsOf(batch: number, contrasted: number): number {
  for (let groups = Math.floor(batch / contrasted); groups > 1; groups--) {
    if (batch % groups === 0) return groups
  }
  return 1
}

/** Positions of the positives in the flattened logits [groups, queryCount, candidates]. */
function positions(groups: number, examples: number, rows: number, columns: number, k: number): tf.Tensor1D {
  const queryCount = (rows - k) * columns
  const candidates = examples * rows * columns
  const all = Int32Array.from({ length: groups * examples * queryCount }, (_, query) => {
    const [example, place] = [Math.floor(query / queryCount) % examples, query % queryCount]
    return query * candidates + example * rows * columns + k * columns + place
  })
  return tf.tensor1d(all, 'int32')
}

/**
 * Lists the numbers of steps ahead to predict.
 * @param length number of rows or time steps
 * @throws SelfsupError when no step is left or there are too few rows or time steps
 */
export function stepsOf(
  method: string,
  { steps, ignored }: { readonly steps: number; readonly ignored: number },
  length: number,
  unit: string,
): number[] {
  expected(
    ignored < steps,
    `${method}: ignored must be less than steps (${steps}); got ${ignored}, which leaves nothing to predict`,
  )
  expected(
    steps < length,
    `${method}: ${length} ${unit} are too few to predict ${steps} steps ahead; set steps to at most ${length - 1}`,
  )
  return Array.from({ length: steps - ignored }, (_, i) => ignored + 1 + i)
}
