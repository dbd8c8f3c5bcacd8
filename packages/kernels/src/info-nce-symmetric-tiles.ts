import * as tf from '@tensorflow/tfjs-core'
import { accumulate, allButDiagonal, type Block, rowsOf, splitRows } from './info-nce-blocks.js'
import { matMulFloat32 } from './matmul-float32.js'

/** Up to this many tiles are kept for the gradient; more are recomputed. */
const MOST_KEPT = 3

/** One tile on or above the diagonal. */
interface Place {
  /** indices of its row block and column block */
  readonly i: number
  readonly j: number
  readonly rows: Block
  readonly columns: Block
}

/**
 * The symmetric matrix exp(z_i . z_j), tile by tile. A tile above the diagonal also represents its mirror image, which
 * saves half of the exponentials and a third of the products.
 */
export class SymmetricTiles {
  private readonly places: readonly Place[]
  private readonly keep: boolean
  private readonly diagonal: boolean

  /**
   * @param rows number of rows of z
   * @param options.diagonal include exp(z_i . z_i); default false: use 0 instead
   */
  constructor(rows: number, { diagonal = false } = {}) {
    this.diagonal = diagonal
    const blocks = splitRows(rows)
    this.places = blocks.flatMap((rows, i) =>
      blocks.slice(i).map((columns, offset) => ({ i, j: i + offset, rows, columns })),
    )
    this.keep = this.places.length <= MOST_KEPT
  }

  /**
   * Sums over each row.
   * @param z [rows, features]
   * @returns sums [rows, 1] and, if there are few tiles, the tiles for `gradient`
   */
  rowSums(z: tf.Tensor2D): { sums: tf.Tensor2D; kept: tf.Tensor2D[] } {
    const totals: tf.Tensor2D[] = []
    const kept: tf.Tensor2D[] = []
    for (const place of this.places) {
      const { i, j } = place
      const parts = tf.tidy(() => {
        const tile = this.tile(z, place)
        return {
          across: tf.sum(tile, 1, true) as tf.Tensor2D,
          down: i === j ? undefined : (tf.reshape(tf.sum(tile, 0), [-1, 1]) as tf.Tensor2D),
          tile: this.keep ? tile : undefined,
        }
      })
      totals[i] = accumulate(totals[i], parts.across)
      if (parts.down) totals[j] = accumulate(totals[j], parts.down)
      if (parts.tile) kept.push(parts.tile)
    }
    return { sums: together(totals), kept }
  }

  /**
   * Gradient of the sum over i of `weights_i x rowSums(z)_i`, which is `(W + W^T) z` with
   * `W_ij = weights_i exp(z_i . z_j)`.
   * @param z [rows, features]
   * @param weights [rows, 1]
   * @param kept the tiles that `rowSums` returned
   * @returns [rows, features]
   */
  gradient(z: tf.Tensor2D, weights: tf.Tensor2D, kept: readonly tf.Tensor2D[]): tf.Tensor2D {
    const totals: tf.Tensor2D[] = []
    const ofColumns = tf.reshape(weights, [-1]) as tf.Tensor1D
    this.places.forEach((place, number) => {
      const { i, j, rows, columns } = place
      const parts = tf.tidy(() => {
        const both = tf.add(rowsOf(weights, rows), rowsOf(ofColumns, columns))
        const tile = tf.mul(kept[number] ?? this.tile(z, place), both) as tf.Tensor2D
        return {
          across: matMulFloat32(tile, rowsOf(z, columns)) as tf.Tensor2D,
          down: i === j ? undefined : (matMulFloat32(tile, rowsOf(z, rows), true) as tf.Tensor2D),
        }
      })
      totals[i] = accumulate(totals[i], parts.across)
      if (parts.down) totals[j] = accumulate(totals[j], parts.down)
    })
    ofColumns.dispose()
    return together(totals)
  }

  private tile(z: tf.Tensor2D, { i, j, rows, columns }: Place): tf.Tensor2D {
    const tile = tf.exp(matMulFloat32(rowsOf(z, rows), rowsOf(z, columns), false, true)) as tf.Tensor2D
    if (i !== j || this.diagonal) return tile
    return tf.mul(tile, tf.cast(allButDiagonal(rows.end - rows.start), 'float32'))
  }
}

function together(blocks: readonly tf.Tensor2D[]): tf.Tensor2D {
  return blocks.length === 1 ? blocks[0]! : tf.concat([...blocks])
}
