import { expected } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { Features } from './features.js'
import { expectNumbers } from './grade.js'
import { labelledRows } from './labelled-rows.js'

export interface MeanAveragePrecisionOptions {
  /** number of query images, evenly spaced; default all */
  readonly queries?: number
  /** queries per block; memory is queryBlock * images similarities */
  readonly queryBlock?: number
  readonly signal?: AbortSignal
}

/**
 * Mean average precision of retrieval: each image queries all others, ranked by cosine similarity, for its class. The result is
 * the mean over queries whose class has other images of the average precision, sum over ranks of (recall gained) * precision
 * (Manning et al. 2008, section 8.4), like scikit-learn's average_precision_score, with equal similarities at one rank.
 * Images without a class (-1) are left out.
 * @returns 0..1
 * @throws SelfsupError if no class has two images
 */
export async function meanAveragePrecision(
  features: Features,
  { queries = Number.POSITIVE_INFINITY, queryBlock = 256, signal }: MeanAveragePrecisionOptions = {},
): Promise<number> {
  expectNumbers('meanAveragePrecision', features)
  const { width, values } = features
  const rows = labelledRows(features)
  const labels = Int32Array.from(rows, (row) => features.labels[row]!)
  const sizes = new Map<number, number>()
  for (const label of labels) sizes.set(label, (sizes.get(label) ?? 0) + 1)
  const able = [...labels.keys()].filter((position) => sizes.get(labels[position]!)! > 1)
  expected(able.length > 0, 'meanAveragePrecision: no class has two images')
  const wanted = Math.min(able.length, queries)
  const asked = Int32Array.from({ length: wanted }, (_, i) => able[Math.floor((i * able.length) / wanted)]!)

  const unit = tf.tidy(() => {
    const packed = new Float32Array(rows.length * width)
    for (const [position, row] of rows.entries())
      packed.set(values.subarray(row * width, (row + 1) * width), position * width)
    const raw = tf.tensor2d(packed, [rows.length, width])
    return tf.mul(raw, tf.rsqrt(tf.maximum(tf.sum(tf.square(raw), 1, true), 1e-24))) as tf.Tensor2D
  })
  let sum = 0
  try {
    for (let start = 0; start < wanted; start += queryBlock) {
      signal?.throwIfAborted()
      const block = asked.subarray(start, start + queryBlock)
      const similarities = tf.tidy(() =>
        tf.matMul(tf.gather(unit, tf.tensor1d(block, 'int32')) as tf.Tensor2D, unit, false, true),
      )
      const found = await similarities.data<'float32'>()
      similarities.dispose()
      for (const [i, query] of block.entries())
        sum += averagePrecision(found.subarray(i * rows.length, (i + 1) * rows.length), labels, query)
    }
  } finally {
    unit.dispose()
  }
  return sum / wanted
}

function averagePrecision(similarities: Float32Array, labels: Int32Array, query: number): number {
  const own: number[] = []
  const others: number[] = []
  for (let i = 0; i < labels.length; i++)
    if (i !== query) (labels[i] === labels[query] ? own : others).push(similarities[i]!)
  const relevant = Float32Array.from(own).sort()
  const irrelevant = Float32Array.from(others).sort()
  // From the most similar down: at each relevant value, how many of both kinds are at least as similar.
  let [precisions, above] = [0, irrelevant.length]
  for (let end = relevant.length; end > 0; ) {
    const value = relevant[end - 1]!
    let start = end - 1
    while (start > 0 && relevant[start - 1] === value) start--
    while (above > 0 && irrelevant[above - 1]! >= value) above--
    const retrieved = relevant.length - start + (irrelevant.length - above)
    precisions += (end - start) * ((relevant.length - start) / retrieved)
    end = start
  }
  return precisions / relevant.length
}
