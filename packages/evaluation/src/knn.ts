import { expected } from '@selfsup/core'
import { fusedTopK } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import type { Features } from './features.js'
import { expectNumbers } from './grade.js'
import { labelledRows } from './labelled-rows.js'
import { gatherInRows, type Largest, largest } from './largest.js'
import { expectSameClasses } from './match-classes.js'
import { rowsOf } from './rows-of.js'

export interface KnnOptions {
  /** number of neighbours that vote, at most the number of training images */
  readonly k?: number
  /** a neighbour of cosine similarity s votes with weight exp(s / temperature) */
  readonly temperature?: number
  /** queries per block */
  readonly queryBlock?: number
  /**
   * training images per block; memory is at most queryBlock * trainBlock similarities. Default 65,536, or fewer if a block
   * would have more than 2^25 features
   */
  readonly trainBlock?: number
  /** bytes of normalised training features that stay on the device; the rest is copied for each block of queries. Default 1 GiB */
  readonly deviceBytes?: number
}

export interface KnnResult {
  /** fraction of the test images that were classified correctly, 0..1 */
  readonly accuracy: number
  /** predicted class of each test image */
  readonly predictions: Int32Array
  /** number of test images that have a class and were counted */
  readonly count: number
}

/**
 * Weighted k-nearest-neighbour classification on l2-normalised features, without training: the protocol
 * of Wu et al. 2018 (arXiv:1805.01978, section 3.4), as used by SimCLR, MoCo and DINO. Images without a
 * class (-1) neither vote nor count.
 * @param train features whose labels vote
 * @param test features to classify, of the same width
 * @throws SelfsupError if the widths differ, a class number has two names, or no image has a class
 */
export async function knn(
  train: Features,
  test: Features,
  {
    k = 200,
    temperature = 0.07,
    queryBlock = 512,
    trainBlock = Math.max(1, Math.min(65_536, Math.floor(2 ** 25 / train.width))),
    deviceBytes = 2 ** 30,
  }: KnnOptions = {},
): Promise<KnnResult> {
  expected(train.width === test.width, `knn: train has ${train.width} features per image, test ${test.width}`)
  expectSameClasses('knn', train, test)
  expectNumbers('knn', train)
  expectNumbers('knn', test)
  expected(temperature > 0, `knn: temperature must be above 0; got ${temperature}`)
  const voters = labelledRows(train)
  expected(voters.length > 0, 'knn: no training image has a class; put the images into one folder per class')
  const neighbours = Math.min(k, voters.length)
  const classes = train.labels.reduce((most, label) => Math.max(most, label), 0) + 1
  const votes = new Float64Array(classes)
  const predictions = new Int32Array(test.count)
  const blocks = new UnitBlocks(train, voters, trainBlock, deviceBytes)
  try {
    for (let start = 0; start < test.count; start += queryBlock) {
      const end = Math.min(start + queryBlock, test.count)
      const { similarities, positions } = await nearest(queryRows(test, start, end), blocks, neighbours)
      for (let query = 0; query < end - start; query++) {
        votes.fill(0)
        for (let n = query * neighbours; n < (query + 1) * neighbours; n++) {
          votes[train.labels[voters[positions[n]!]!]!]! += Math.exp((similarities[n]! - 1) / temperature)
        }
        predictions[start + query] = indexOfMax(votes)
      }
    }
  } finally {
    blocks.dispose()
  }
  return { predictions, ...score(predictions, test.labels) }
}

/**
 * The k training images most similar to each of some test images, by cosine similarity, nearest first.
 * @param rows rows of the test features
 * @returns for each test image, rows of the training features and their similarities, -1..1
 */
export async function nearestImages(
  train: Features,
  test: Features,
  rows: ArrayLike<number>,
  k: number,
): Promise<{ readonly row: number; readonly similarity: number }[][]> {
  const all = Uint32Array.from({ length: train.count }, (_, row) => row)
  const count = Math.min(k, train.count)
  const blocks = new UnitBlocks(train, all, 16_384, 0)
  const queries = rowsOf(test, rows)
  const { similarities, positions } = await nearest(queryRows(queries, 0, queries.count), blocks, count)
  return Array.from({ length: queries.count }, (_, query) =>
    Array.from({ length: count }, (_, n) => ({
      row: positions[query * count + n]!,
      similarity: similarities[query * count + n]!,
    })),
  )
}

/** The k most similar training rows of each query over all blocks, by cosine similarity. */
async function nearest(
  queries: tf.Tensor2D,
  blocks: UnitBlocks,
  k: number,
): Promise<{ similarities: Float32Array; positions: Int32Array }> {
  const unit = tf.tidy(() => l2Normalise(queries))
  queries.dispose()
  let best: Largest | undefined
  for (let number = 0; number < blocks.count; number++) {
    const before = best
    const found = tf.tidy(() => {
      const block = blocks.at(number)
      const few = Math.min(k, block.shape[0])
      const { values, indices } =
        fusedTopK(unit, block, few) ?? largest(tf.matMul(unit, block, false, true), few)
      const first = tf.scalar(blocks.firstOf(number), 'int32')
      const here = { values, indices: tf.add(indices, first) as tf.Tensor2D }
      return before ? merge(before, here, k) : here
    })
    if (before) tf.dispose([before.values, before.indices])
    best = found
  }
  unit.dispose()
  const { values, indices } = best!
  const [similarities, positions] = await Promise.all([values.data<'float32'>(), indices.data<'int32'>()])
  tf.dispose([values, indices])
  return { similarities, positions }
}

function merge(a: Largest, b: Largest, k: number): Largest {
  const values = tf.concat([a.values, b.values], 1)
  const kept = tf.topk(values, Math.min(k, values.shape[1]), true)
  const indices = gatherInRows(tf.concat([a.indices, b.indices], 1), kept.indices as tf.Tensor2D)
  return { values: kept.values as tf.Tensor2D, indices }
}

/** l2-normalised training rows, in blocks. */
class UnitBlocks {
  readonly #from: Features
  readonly #rows: Uint32Array
  readonly #size: number
  /** the first blocks, which stay on the device */
  readonly #resident: tf.Tensor2D[] = []

  constructor(from: Features, rows: Uint32Array, size: number, deviceBytes: number) {
    this.#from = from
    this.#rows = rows
    this.#size = size
    for (let block = 0; block < this.count; block++) {
      const bytes = 4 * from.width * Math.min((block + 1) * size, rows.length)
      if (bytes > deviceBytes) break
      this.#resident.push(tf.tidy(() => this.#load(block)))
    }
  }

  get count(): number {
    return Math.ceil(this.#rows.length / this.#size)
  }

  /** position of the block's first row among all rows */
  firstOf(block: number): number {
    return block * this.#size
  }

  /** Call it inside a tidy, which disposes of blocks that do not stay on the device. */
  at(block: number): tf.Tensor2D {
    return this.#resident[block] ?? this.#load(block)
  }

  #load(block: number): tf.Tensor2D {
    const { values, width } = this.#from
    const rows = this.#rows.subarray(this.firstOf(block), this.firstOf(block + 1))
    const packed = new Float32Array(rows.length * width)
    for (const [position, row] of rows.entries())
      packed.set(values.subarray(row * width, (row + 1) * width), position * width)
    return l2Normalise(tf.tensor2d(packed, [rows.length, width]))
  }

  dispose(): void {
    tf.dispose(this.#resident)
  }
}

function queryRows({ values, width }: Features, start: number, end: number): tf.Tensor2D {
  return tf.tensor2d(values.subarray(start * width, end * width), [end - start, width])
}

function l2Normalise(x: tf.Tensor2D): tf.Tensor2D {
  return tf.mul(x, tf.rsqrt(tf.maximum(tf.sum(tf.square(x), 1, true), 1e-24)))
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
