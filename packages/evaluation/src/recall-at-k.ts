import { expected } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { Features } from './features.js'
import { expectNumbers } from './grade.js'

export interface RecallOptions {
  /** numbers of neighbours to consider; default 1, 2, 4, 8 */
  readonly k?: readonly number[]
  /** use cosine similarity instead of Euclidean distance; default true */
  readonly normalise?: boolean
  /** queries per block */
  readonly queryBlock?: number
}

/**
 * Recall@K of retrieval: the fraction of the images that have an image of their class among their K nearest neighbours (Jégou
 * et al. 2011; the standard in metric learning since Oh Song et al. 2016, arXiv:1511.06452, section 6). Images without a class
 * (-1) are left out; images that are alone in their class count as missed.
 * @returns recall for each K, 0..1
 * @throws SelfsupError if fewer than two images have a class, or a K is below 1
 */
export async function recallAtK(
  features: Features,
  { k = [1, 2, 4, 8], normalise = true, queryBlock = 512 }: RecallOptions = {},
): Promise<Readonly<Record<number, number>>> {
  expectNumbers('recallAtK', features)
  const rows = [...features.labels.keys()].filter((row) => features.labels[row]! >= 0)
  expected(rows.length >= 2, `recallAtK: at least two images must have a class; ${rows.length} have one`)
  expected(
    k.length > 0 && k.every((each) => Number.isInteger(each) && each >= 1),
    `recallAtK: k must be whole numbers of at least 1; got ${k.join(', ')}`,
  )
  const most = Math.min(Math.max(...k), rows.length - 1)
  const found = k.map(() => 0)
  const { points, lengths } = gallery(features, rows, normalise)
  try {
    for (let start = 0; start < rows.length; start += queryBlock) {
      const end = Math.min(start + queryBlock, rows.length)
      const neighbours = await nearestOthers(points, lengths, start, end, most)
      for (let query = start; query < end; query++) {
        const own = features.labels[rows[query]!]
        const offset = (query - start) * most
        const rank = neighbours
          .subarray(offset, offset + most)
          .findIndex((other) => features.labels[rows[other]!] === own)
        for (const [i, each] of k.entries()) if (rank >= 0 && rank < each) found[i]!++
      }
    }
  } finally {
    tf.dispose([points, lengths])
  }
  return Object.fromEntries(k.map((each, i) => [each, found[i]! / rows.length]))
}

function gallery({ values, width }: Features, rows: readonly number[], normalise: boolean) {
  const packed = new Float32Array(rows.length * width)
  for (const [position, row] of rows.entries())
    packed.set(values.subarray(row * width, (row + 1) * width), position * width)
  return tf.tidy(() => {
    const raw = tf.tensor2d(packed, [rows.length, width])
    const squares = tf.sum(tf.square(raw), 1, true)
    const points = (normalise ? tf.mul(raw, tf.rsqrt(tf.maximum(squares, 1e-24))) : raw) as tf.Tensor2D
    return { points, lengths: tf.sum(tf.square(points), 1) as tf.Tensor1D }
  })
}

/** Nearest other points of the points from `start` to `end`, nearest first. */
async function nearestOthers(
  points: tf.Tensor2D,
  lengths: tf.Tensor1D,
  start: number,
  end: number,
  k: number,
): Promise<Int32Array> {
  const indices = tf.tidy(() => {
    const queries = tf.slice(points, start, end - start) as tf.Tensor2D
    // Negated squared distances without the query's own norm, which does not change the order.
    const nearness = tf.sub(tf.mul(tf.matMul(queries, points, false, true), 2), lengths)
    const self = tf.equal(
      tf.expandDims(tf.range(start, end, 1, 'int32'), 1),
      tf.range(0, points.shape[0], 1, 'int32'),
    )
    return tf.topk(tf.where(self, Number.NEGATIVE_INFINITY, nearness), k, true).indices
  })
  try {
    return await indices.data<'int32'>()
  } finally {
    indices.dispose()
  }
}
