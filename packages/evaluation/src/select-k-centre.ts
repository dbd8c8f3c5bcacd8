import { expected } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { Features } from './features.js'
import { expectNumbers } from './grade.js'

/** Options of `selectKCentre`. */
export interface KCentreOptions {
  /** how many rows to select */
  readonly count: number
  /** rows that are labelled already: the selection stays away from them. Not selected again. Default none */
  readonly labelled?: ArrayLike<number>
  readonly signal?: AbortSignal
}

/**
 * Rows that cover the features: each is the one farthest from all rows selected before (Sener & Savarese 2018,
 * arXiv:1708.00489, algorithm 1, k-centre greedy), by cosine distance. Without labelled rows the first is the one nearest to
 * the mean. Covers rare kinds of images and outliers alike: see `selectTypical` for few labels.
 *
 * @param features one image per row
 * @returns rows in the order of selection: any first part of them is a selection too
 * @throws SelfsupError if there are fewer rows than `count` without a label, or a feature is not finite
 */
export async function selectKCentre(
  features: Pick<Features, 'values' | 'count' | 'width'>,
  { count, labelled = [], signal }: KCentreOptions,
): Promise<Uint32Array> {
  const given = labelledRowsOf('selectKCentre', features, count, labelled)
  const unit = tf.tidy(() => unitRows(features))
  // Squared distance of each row to the nearest selected one; -1 for rows that are selected.
  let nearest: tf.Tensor1D = tf.fill([features.count], 4)
  const add = (row: number) => {
    const before = nearest
    nearest = tf.tidy(() => {
      const similarity = tf.matMul(unit, tf.slice(unit, [row, 0], [1, -1]), false, true)
      const distance = tf.reshape(tf.sub(2, tf.mul(2, similarity)), [-1])
      const closer = tf.minimum(before, tf.maximum(distance, 0))
      const here = tf.equal(tf.range(0, features.count, 1, 'int32'), row)
      return tf.where(here, tf.scalar(-1), tf.where(tf.less(before, 0), before, closer)) as tf.Tensor1D
    })
    before.dispose()
  }
  try {
    for (const row of given) add(row)
    const rows = new Uint32Array(count)
    for (let i = 0; i < count; i++) {
      signal?.throwIfAborted()
      rows[i] = given.size + i === 0 ? await central(unit) : await highest(nearest)
      add(rows[i]!)
    }
    return rows
  } finally {
    tf.dispose([unit, nearest])
  }
}

/** The rows that have a label. @throws SelfsupError if `count` or a labelled row does not fit the features */
export function labelledRowsOf(
  where: string,
  features: Pick<Features, 'values' | 'count' | 'width'>,
  count: number,
  labelled: ArrayLike<number>,
): ReadonlySet<number> {
  expectNumbers(where, features)
  const given = new Set(Array.from(labelled))
  for (const row of given)
    expected(
      Number.isInteger(row) && row >= 0 && row < features.count,
      `${where}: labelled rows must be from 0 to ${features.count - 1}; got ${row}`,
    )
  expected(
    Number.isInteger(count) && count >= 1 && count <= features.count - given.size,
    `${where}: count must be a whole number from 1 to ${features.count - given.size}, the images without a label; got ${count}`,
  )
  return given
}

/** Features of length 1. */
export function unitRows({
  values,
  count,
  width,
}: Pick<Features, 'values' | 'count' | 'width'>): tf.Tensor2D {
  return tf.tidy(() => {
    const x = tf.tensor2d(values, [count, width])
    return tf.mul(x, tf.rsqrt(tf.maximum(tf.sum(tf.square(x), 1, true), 1e-24))) as tf.Tensor2D
  })
}

function central(unit: tf.Tensor2D): Promise<number> {
  return highest(
    tf.tidy(() => tf.reshape(tf.matMul(unit, tf.mean(unit, 0, true), false, true), [-1])),
    true,
  )
}

async function highest(values: tf.Tensor, dispose = false): Promise<number> {
  const position = tf.argMax(values, 0)
  const [row] = await position.data()
  position.dispose()
  if (dispose) values.dispose()
  return row!
}
