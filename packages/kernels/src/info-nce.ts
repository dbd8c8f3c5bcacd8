import { assertRank, ShapeError } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import {
  accumulate,
  allButDiagonal,
  type Block,
  columnsFor,
  rowsOf,
  SAFE_BOUND,
  splitRows,
} from './info-nce-blocks.js'
import { lossPrograms } from './loss-programs.js'
import { matMulFloat32 } from './matmul-float32.js'

export interface LogSumExpOptions {
  /**
   * upper bound on the magnitude of all products (1 / temperature for normalised embeddings);
   * up to 40 it makes the search for each row's maximum unnecessary; default: unknown
   */
  readonly bound?: number
  /** keys are constants, such as a queue, and their gradient is not computed; default false */
  readonly constantKeys?: boolean
  /** queries and keys are the same rows; exclude each row's product with itself; default false */
  readonly excludeSelf?: boolean
}

/** Used instead of minus infinity, because differences with it must be finite. */
const EXCLUDED = -1e30

/**
 * For each query, the logarithm of the sum of exponentials of its products with all keys,
 * `log(sum over j of exp(q_i . k_j))`: the denominator of InfoNCE (van den Oord et al. 2018,
 * arXiv:1807.03748, eq. 4). Scale queries or keys by 1 / temperature beforehand.
 *
 * The queries x keys matrix is never in memory: its tiles are computed one at a time with a running maximum and
 * sum, and computed again for the gradient (as in flash attention; Dao et al. 2022, arXiv:2205.14135).
 *
 * @param queries [queries, features]
 * @param keys [keys, features], keys >= 1
 * @returns [queries]; differentiable
 * @throws ShapeError if these are not matrices with the same number of features, or there are no keys
 */
export function logSumExpOfProducts(
  queries: tf.Tensor2D,
  keys: tf.Tensor2D,
  options: LogSumExpOptions = {},
): tf.Tensor1D {
  checkShapes(queries, keys, options)
  const programs = lossPrograms()
  const tiles = new Tiles(queries.shape[0], keys.shape[0], options)
  const { excludeSelf = false, constantKeys = false } = options
  const forward = (queries: tf.Tensor2D, keys: tf.Tensor2D, save: tf.GradSaveFunc) => {
    const value = programs?.logSumExp(queries, keys, excludeSelf) ?? tiles.logSums(queries, keys)
    save([queries, keys, value])
    return value
  }
  const inputs = options.constantKeys ? [queries] : [queries, keys]
  const operation = tf.customGrad((...args: unknown[]) => {
    const save = args[inputs.length] as tf.GradSaveFunc
    const value = forward(
      args[0] as tf.Tensor2D,
      options.constantKeys ? keys : (args[1] as tf.Tensor2D),
      save,
    )
    return {
      value,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const given = [dy as tf.Tensor1D, ...(saved as [tf.Tensor2D, tf.Tensor2D, tf.Tensor1D])] as const
        if (!programs) return tiles.gradients(...given)
        const [ofQueries, ofKeys] = programs.gradients(...given, { excludeSelf, constantKeys })
        return ofKeys ? [ofQueries, ofKeys] : ofQueries
      },
    }
  })
  return operation(...inputs) as tf.Tensor1D
}

function checkShapes(queries: tf.Tensor2D, keys: tf.Tensor2D, { excludeSelf }: LogSumExpOptions): void {
  const where = 'logSumExpOfProducts'
  assertRank(where, 'queries', queries, 2, '[queries, features]')
  assertRank(where, 'keys', keys, 2, '[keys, features]')
  const got = `got [${queries.shape}] and [${keys.shape}]`
  if (queries.shape[1] !== keys.shape[1]) {
    throw new ShapeError(`${where}: queries and keys must have the same number of features; ${got}`)
  }
  if (keys.shape[0] < (excludeSelf ? 2 : 1)) throw new ShapeError(`${where}: there must be keys; ${got}`)
  if (excludeSelf && queries.shape[0] !== keys.shape[0]) {
    throw new ShapeError(`${where}: with excludeSelf, queries and keys must be the same rows; ${got}`)
  }
}

/** The tiles of a matrix of products, and sums over them. */
class Tiles {
  private readonly rows: Block[]
  private readonly columns: Block[]
  private readonly bounded: boolean

  constructor(
    queries: number,
    keys: number,
    private readonly options: LogSumExpOptions,
  ) {
    this.rows = splitRows(queries)
    const most = this.rows[0]!.end
    this.columns = options.excludeSelf ? this.rows : splitRows(keys, columnsFor(most))
    this.bounded = (options.bound ?? Number.POSITIVE_INFINITY) <= SAFE_BOUND
  }

  logSums(queries: tf.Tensor2D, keys: tf.Tensor2D): tf.Tensor1D {
    return tf.tidy(() => {
      const sumUp = this.bounded ? boundedLogSum : runningLogSum
      const parts = this.rows.map((row) =>
        tf.tidy(() => {
          const query = rowsOf(queries, row)
          return sumUp(this.columns.map((column) => () => this.logits(query, keys, row, column)))
        }),
      )
      return tf.concat(parts)
    })
  }

  gradients(
    dy: tf.Tensor1D,
    queries: tf.Tensor2D,
    keys: tf.Tensor2D,
    logSums: tf.Tensor1D,
  ): tf.Tensor | tf.Tensor[] {
    return tf.tidy(() => {
      // If exp(logits) cannot overflow, the narrow factors are divided by the sums instead of the tiles.
      const weights = tf.expandDims(this.bounded ? tf.mul(dy, tf.exp(tf.neg(logSums))) : dy, 1) as tf.Tensor2D
      const shift = tf.expandDims(logSums, 1) as tf.Tensor2D
      const ofQueries: tf.Tensor2D[] = []
      const ofKeys: (tf.Tensor2D | undefined)[] = this.columns.map(() => undefined)
      for (const row of this.rows) {
        const query = rowsOf(queries, row)
        const weight = rowsOf(weights, row)
        const weightedQuery = tf.mul(query, weight) as tf.Tensor2D
        let ofQuery: tf.Tensor2D | undefined
        this.columns.forEach((column, j) => {
          const [across, down] = tf.tidy(() => {
            const logits = this.logits(query, keys, row, column)
            const tile = tf.exp(this.bounded ? logits : tf.sub(logits, rowsOf(shift, row)))
            const across = matMulFloat32(tile, rowsOf(keys, column)) as tf.Tensor2D
            return this.options.constantKeys
              ? [across]
              : [across, matMulFloat32(tile, weightedQuery, true) as tf.Tensor2D]
          })
          ofQuery = accumulate(ofQuery, across!)
          if (down) ofKeys[j] = accumulate(ofKeys[j], down)
        })
        ofQueries.push(tf.mul(ofQuery!, weight) as tf.Tensor2D)
      }
      const gradient = tf.concat(ofQueries)
      return this.options.constantKeys ? gradient : [gradient, tf.concat(ofKeys as tf.Tensor2D[])]
    })
  }

  private logits(query: tf.Tensor2D, keys: tf.Tensor2D, row: Block, column: Block): tf.Tensor2D {
    return tf.tidy(() => {
      const logits = matMulFloat32(query, rowsOf(keys, column), false, true) as tf.Tensor2D
      if (!this.options.excludeSelf || row !== column) return logits
      return tf.where(allButDiagonal(row.end - row.start), logits, EXCLUDED) as tf.Tensor2D
    })
  }
}

type Tile = () => tf.Tensor2D

function boundedLogSum(tiles: readonly Tile[]): tf.Tensor1D {
  let sum: tf.Tensor1D | undefined
  for (const tile of tiles)
    sum = accumulate(
      sum,
      tf.tidy(() => tf.sum(tf.exp(tile()), 1) as tf.Tensor1D),
    )
  return tf.log(sum!)
}

/** Keeps a running sum and maximum; rescales the sum whenever the maximum grows. */
function runningLogSum(tiles: readonly Tile[]): tf.Tensor1D {
  let state: { maximum: tf.Tensor2D; sum: tf.Tensor2D } | undefined
  for (const tile of tiles) {
    const before = state
    state = tf.tidy(() => {
      const logits = tile()
      const highest = tf.max(logits, 1, true) as tf.Tensor2D
      const maximum = before ? (tf.maximum(before.maximum, highest) as tf.Tensor2D) : highest
      const sum = tf.sum(tf.exp(tf.sub(logits, maximum)), 1, true) as tf.Tensor2D
      if (!before) return { maximum, sum }
      return { maximum, sum: tf.add(sum, tf.mul(before.sum, tf.exp(tf.sub(before.maximum, maximum)))) }
    })
    if (before) tf.dispose(before)
  }
  return tf.squeeze(tf.add(state!.maximum, tf.log(state!.sum)), [1]) as tf.Tensor1D
}
