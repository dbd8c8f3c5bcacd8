import { assertRank, ShapeError } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { logSumExpOfProducts } from './info-nce.js'
import { SAFE_BOUND } from './info-nce-blocks.js'
import { SymmetricTiles } from './info-nce-symmetric-tiles.js'
import { type LossPrograms, lossPrograms } from './loss-programs.js'

/**
 * For each row, the logarithm of the sum of exponentials of its products with all other rows,
 * `log(sum over j != i of exp(z_i . z_j))`: the denominator of NT-Xent (Chen et al. 2020,
 * arXiv:2002.05709, eq. 1). Scale `z` by the square root of 1 / temperature beforehand.
 *
 * The rows x rows matrix is never in memory: its tiles are computed one at a time, only above the diagonal,
 * because the matrix is symmetric, and computed again for the gradient.
 *
 * @param z [rows, features], rows >= 2
 * @param options.bound upper bound on the magnitude of all products (1 / temperature for normalised
 *   embeddings); up to 40 it makes the search for each row's maximum unnecessary; default: unknown
 * @returns [rows]; differentiable
 * @throws ShapeError if `z` is not a matrix or has fewer than 2 rows
 */
export function logSumExpOfPairs(z: tf.Tensor2D, { bound = Number.POSITIVE_INFINITY } = {}): tf.Tensor1D {
  assertRank('logSumExpOfPairs', 'z', z, 2, '[rows, features]')
  const rows = z.shape[0]
  if (rows < 2) throw new ShapeError(`logSumExpOfPairs: z must have at least 2 rows; got [${z.shape}]`)
  const programs = lossPrograms()
  if (programs) return onDevice(z, programs)
  if (!(bound <= SAFE_BOUND)) return logSumExpOfProducts(z, z, { excludeSelf: true })
  const tiles = new SymmetricTiles(rows)
  const operation = tf.customGrad((...args: unknown[]) => {
    const [z, save] = args as [tf.Tensor2D, tf.GradSaveFunc]
    const { sums, kept } = tiles.rowSums(z)
    save([z, sums, ...kept])
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) =>
      tf.tidy(() => {
        const [z, sums, ...kept] = saved as [tf.Tensor2D, tf.Tensor2D, ...tf.Tensor2D[]]
        return tiles.gradient(z, tf.div(tf.expandDims(dy, 1), sums) as tf.Tensor2D, kept)
      })
    return { value: tf.squeeze(tf.log(sums), [1]), gradFunc }
  })
  return operation(z) as tf.Tensor1D
}

function onDevice(z: tf.Tensor2D, { logSumExp, gradientOfPairs }: LossPrograms): tf.Tensor1D {
  const operation = tf.customGrad((...args: unknown[]) => {
    const [z, save] = args as [tf.Tensor2D, tf.GradSaveFunc]
    const value = logSumExp(z, z, true)
    save([z, value])
    return {
      value,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) =>
        gradientOfPairs(dy as tf.Tensor1D, ...(saved as [tf.Tensor2D, tf.Tensor1D])),
    }
  })
  return operation(z) as tf.Tensor1D
}
