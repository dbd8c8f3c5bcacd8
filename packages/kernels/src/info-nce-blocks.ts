import * as tf from '@tensorflow/tfjs-core'

/** Rows and columns of a tile of logits: 4 MiB of float32, which stays in the cache of a core's cluster. */
const TILE_SIDE = 1024

/** With more blocks than this, tiles grow up to LARGEST_SIDE, because capturing hundreds of tiles costs more than the cache saves. */
const MOST_BLOCKS = 16
const LARGEST_SIDE = 4096

/**
 * Logits within +-40 need no shift by the row's maximum: their exponentials, sums of millions of these,
 * and the reciprocals of such sums are all well within float32's range.
 */
export const SAFE_BOUND = 40

/** Rows from `start` (inclusive) to `end` (exclusive). */
export interface Block {
  readonly start: number
  readonly end: number
}

/** The side of tiles for a matrix with this many rows. */
function tileSide(rows: number): number {
  let side = TILE_SIDE
  while (side < LARGEST_SIDE && rows > MOST_BLOCKS * side) side *= 2
  return side
}

/**
 * Splits `rows` evenly into blocks of at most `most` rows.
 * @returns at least one block, in order
 */
export function splitRows(rows: number, most = tileSide(rows)): Block[] {
  const count = Math.max(1, Math.ceil(rows / most))
  const size = Math.ceil(rows / count)
  const blocks: Block[] = []
  for (let start = 0; start < rows; start += size) blocks.push({ start, end: Math.min(rows, start + size) })
  return blocks
}

/** The maximum number of columns of a tile with this many rows: with few queries, a tile can contain many keys. */
export function columnsFor(rows: number): number {
  return Math.max(TILE_SIDE, Math.floor((TILE_SIDE * TILE_SIDE) / Math.max(1, rows)))
}

/** The rows of one block of a matrix, or the matrix itself if the block contains all of it. */
export function rowsOf<T extends tf.Tensor1D | tf.Tensor2D>(matrix: T, { start, end }: Block): T {
  if (start === 0 && end === matrix.shape[0]) return matrix
  return tf.slice(matrix, start, end - start) as T
}

/** A square matrix [rows, rows], false on the diagonal and true elsewhere, computed on the device. */
export function allButDiagonal(rows: number): tf.Tensor2D {
  return tf.tidy(() => {
    const numbers = tf.range(0, rows, 1, 'int32')
    return tf.notEqual(tf.expandDims(numbers, 1), numbers) as tf.Tensor2D
  })
}

/** Returns the sum of both operands and disposes them. */
export function accumulate<T extends tf.Tensor>(total: T | undefined, part: T): T {
  if (!total) return part
  const sum = tf.add(total, part) as T
  total.dispose()
  part.dispose()
  return sum
}
