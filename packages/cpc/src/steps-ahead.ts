import { expected, stopGradient } from '@selfsup/core'
import { matMulFloat32 } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'

/** How well something was predicted a number of steps ahead. */
export interface StepsAhead {
  /** InfoNCE, >= 0; log(candidates) at chance */
  readonly loss: tf.Scalar
  /** part of the predictions to which no other candidate is nearer than what came, 0..1; ties share it */
  readonly accuracy: tf.Scalar
}

export interface StepsAheadOptions {
  /** how many rows (or time steps) lie between what predicts and what is predicted */
  readonly k: number
  /** at least so many examples are told apart at a time; their number divides the batch */
  readonly contrasted: number
  /** multiplies the products of predictions and targets */
  readonly scale: number
}

/**
 * InfoNCE of predictions k rows ahead: each is to find what came in its own column among everything in its own and in the
 * other examples of its group (van den Oord et al. 2018, arXiv:1807.03748, eq. 3 and 4; Hénaff et al. 2019,
 * arXiv:1905.09272, appendix A.2). Series are grids of one column.
 *
 * @param predictions W_k c of each place, [batch, rows, columns, features]; those of the last k rows are left out
 * @param targets what is predicted, [batch, rows, columns, features]
 */
export function stepsAhead(
  predictions: tf.Tensor4D,
  targets: tf.Tensor4D,
  { k, contrasted, scale }: StepsAheadOptions,
): StepsAhead {
  const [batch, rows, columns, features] = targets.shape
  const groups = groupsOf(batch, contrasted)
  const [asking, candidates] = [rows - k, rows].map((r) => (batch / groups) * r * columns) as [number, number]
  return tf.tidy(() => {
    const before = tf.mul(tf.slice(predictions, [0, 0, 0, 0], [-1, rows - k, -1, -1]), scale)
    const after = tf.slice(targets, [0, k, 0, 0], [-1, -1, -1, -1])
    const queries = tf.reshape(before, [groups, asking, features])
    const logits = matMulFloat32(queries, tf.reshape(targets, [groups, candidates, features]), false, true)
    const positive = tf.reshape(tf.sum(tf.mul(before, after), -1), [groups, asking])

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

/** As many groups as there may be where each holds the same number of examples, `contrasted` or more. */
function groupsOf(batch: number, contrasted: number): number {
  for (let groups = Math.floor(batch / contrasted); groups > 1; groups--) {
    if (batch % groups === 0) return groups
  }
  return 1
}

/** Where among the flat logits [groups, asking, candidates] the product with what came stands. */
function positions(groups: number, examples: number, rows: number, columns: number, k: number): tf.Tensor1D {
  const asking = (rows - k) * columns
  const candidates = examples * rows * columns
  const all = Int32Array.from({ length: groups * examples * asking }, (_, query) => {
    const [example, place] = [Math.floor(query / asking) % examples, query % asking]
    return query * candidates + example * rows * columns + k * columns + place
  })
  return tf.tensor1d(all, 'int32')
}

/**
 * How many steps ahead is predicted.
 * @param length rows or time steps that there are
 * @throws SelfsupError when they are too few
 */
export function stepsOf(
  method: string,
  { steps, ignored }: { readonly steps: number; readonly ignored: number },
  length: number,
  unit: string,
): number[] {
  expected(
    ignored < steps,
    `${method}: of ${steps} steps ahead ${ignored} are ignored, which leaves none; set ignored to less than steps`,
  )
  expected(
    steps < length,
    `${method}: ${length} ${unit} are too few to predict ${steps} steps ahead; set steps to at most ${length - 1}`,
  )
  return Array.from({ length: steps - ignored }, (_, i) => ignored + 1 + i)
}
