import { expected } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { Features } from './features.js'
import { expectSameClasses } from './match-classes.js'

export interface KnnOptions {
  /** how many neighbours vote; as many as there are when fewer */
  readonly k?: number
  /** a neighbour of cosine similarity s votes with weight exp(s / temperature) */
  readonly temperature?: number
  /** queries at a time */
  readonly queryBlock?: number
  /** training images at a time: memory is at most queryBlock * trainBlock similarities */
  readonly trainBlock?: number
}

export interface KnnResult {
  /** part of the test images whose class won, 0..1 */
  readonly accuracy: number
  /** the class with most votes per test image */
  readonly predictions: Int32Array
  /** how many test images had a class and were counted */
  readonly count: number
}

/**
 * Weighted k-nearest-neighbour classification on l2-normalised features, without training: the protocol
 * of Wu et al. 2018 (arXiv:1805.01978, section 3.4), as used by SimCLR, MoCo and DINO. Images without a
 * class (-1) neither vote nor count.
 * @param train features whose labels vote
 * @param test features to classify, of the same width
 * @throws SelfsupError when the widths differ, a class number means two classes, or no image has a class
 */
export async function knn(
  train: Features,
  test: Features,
  { k = 200, temperature = 0.07, queryBlock = 512, trainBlock = 16_384 }: KnnOptions = {},
): Promise<KnnResult> {
  expected(train.width === test.width, `knn: train has ${train.width} features per image, test ${test.width}`)
  expectSameClasses('knn', train, test)
  expected(temperature > 0, `knn: temperature must be above 0; got ${temperature}`)
  const voters = labelled(train)
  expected(voters.count > 0, 'knn: no training image has a class; put the images into one folder per class')
  const neighbours = Math.min(k, voters.count)
  const classes = voters.labels.reduce((most, label) => Math.max(most, label), 0) + 1
  const votes = new Float64Array(classes)
  const predictions = new Int32Array(test.count)
  const blocks = normalisedBlocks(voters, trainBlock)
  try {
    for (let start = 0; start < test.count; start += queryBlock) {
      const end = Math.min(start + queryBlock, test.count)
      const { similarities, positions } = await nearest(rows(test, start, end), blocks, neighbours)
      for (let query = 0; query < end - start; query++) {
        votes.fill(0)
        for (let n = query * neighbours; n < (query + 1) * neighbours; n++) {
          votes[voters.labels[positions[n]!]!]! += Math.exp((similarities[n]! - 1) / temperature)
        }
        predictions[start + query] = indexOfMax(votes)
      }
    }
  } finally {
    for (const block of blocks) block.dispose()
  }
  return { predictions, ...score(predictions, test.labels) }
}

/** The k most similar training rows of each query, over all blocks, by cosine. */
async function nearest(
  queries: tf.Tensor2D,
  blocks: readonly tf.Tensor2D[],
  k: number,
): Promise<{ similarities: Float32Array; positions: Int32Array }> {
  const [values, indices] = tf.tidy(() => {
    const unit = l2Normalise(queries)
    let best: { values: tf.Tensor; indices: tf.Tensor } | undefined
    let offset = 0
    for (const block of blocks) {
      const found = tf.topk(tf.matMul(unit, block, false, true), Math.min(k, block.shape[0]), true)
      const positions = tf.add(found.indices, tf.scalar(offset, 'int32'))
      offset += block.shape[0]
      best = best
        ? merge(best, { values: found.values, indices: positions }, k)
        : { values: found.values, indices: positions }
    }
    return [best!.values, best!.indices]
  })
  queries.dispose()
  const [similarities, positions] = await Promise.all([values.data<'float32'>(), indices.data<'int32'>()])
  values.dispose()
  indices.dispose()
  return { similarities, positions }
}

function merge(
  a: { values: tf.Tensor; indices: tf.Tensor },
  b: { values: tf.Tensor; indices: tf.Tensor },
  k: number,
): { values: tf.Tensor; indices: tf.Tensor } {
  const values = tf.concat([a.values, b.values], 1)
  const indices = tf.concat([a.indices, b.indices], 1)
  const [queries, width] = values.shape as [number, number]
  const kept = tf.topk(values, Math.min(k, width), true)
  const rowStarts = tf.mul(tf.range(0, queries, 1, 'int32'), tf.scalar(width, 'int32'))
  const flat = tf.add(kept.indices, tf.reshape(rowStarts, [queries, 1]))
  return { values: kept.values, indices: tf.gather(tf.reshape(indices, [-1]), flat) }
}

function normalisedBlocks(features: Features, size: number): tf.Tensor2D[] {
  const blocks: tf.Tensor2D[] = []
  for (let start = 0; start < features.count; start += size) {
    blocks.push(tf.tidy(() => l2Normalise(rows(features, start, Math.min(start + size, features.count)))))
  }
  return blocks
}

function rows({ values, width }: Features, start: number, end: number): tf.Tensor2D {
  return tf.tensor2d(values.subarray(start * width, end * width), [end - start, width])
}

function l2Normalise(x: tf.Tensor2D): tf.Tensor2D {
  return tf.mul(x, tf.rsqrt(tf.maximum(tf.sum(tf.square(x), 1, true), 1e-24)))
}

/** The rows that have a class. */
function labelled(features: Features): Features {
  const { values, width, labels } = features
  const kept = [...labels.keys()].filter((row) => labels[row]! >= 0)
  if (kept.length === features.count) return features
  const packed = new Float32Array(kept.length * width)
  kept.forEach((row, position) => {
    packed.set(values.subarray(row * width, (row + 1) * width), position * width)
  })
  return {
    ...features,
    values: packed,
    count: kept.length,
    labels: Int32Array.from(kept, (row) => labels[row]!),
    indices: Int32Array.from(kept, (row) => features.indices[row]!),
  }
}

function score(predictions: Int32Array, labels: Int32Array): { accuracy: number; count: number } {
  let right = 0
  let count = 0
  for (let i = 0; i < labels.length; i++) {
    if (labels[i]! < 0) continue
    count++
    if (predictions[i] === labels[i]) right++
  }
  expected(count > 0, 'knn: no test image has a class; put the images into one folder per class')
  return { accuracy: right / count, count }
}

function indexOfMax(values: Float64Array): number {
  let best = 0
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i
  return best
}
