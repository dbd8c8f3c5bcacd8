import { assertMatrix, assertRank, expected, ShapeError } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { logSumExpOfProducts } from './info-nce.js'
import { SAFE_BOUND } from './info-nce-blocks.js'
import { SymmetricTiles } from './info-nce-symmetric-tiles.js'

/**
 * For each row, the logarithm of the sum of exponentials of its products with all other rows,
 * `log(sum over j != i of exp(z_i . z_j))`: the denominator of NT-Xent (Chen et al. 2020,
 * arXiv:2002.05709, eq. 1). Scale `z` by the square root of 1 / temperature beforehand.
 *
 * The rows x rows matrix is never held: its tiles are made one at a time, above the diagonal only,
 * since the matrix is symmetric, and made again for the gradient.
 *
 * @param z [rows, features], rows >= 2
 * @param options.bound a promise that no product exceeds this in magnitude (1 / temperature for
 *   normalised embeddings): up to 40 it saves the search for each row's maximum; default: unknown
 * @returns [rows]; differentiable
 * @throws ShapeError when `z` is not a matrix or has fewer than 2 rows
 */
export function logSumExpOfPairs(z: tf.Tensor2D, { bound = Number.POSITIVE_INFINITY } = {}): tf.Tensor1D {
  assertRank('logSumExpOfPairs', 'z', z, 2, '[rows, features]')
  const rows = z.shape[0]
  if (rows < 2) throw new ShapeError(`logSumExpOfPairs: z must have at least 2 rows; got [${z.shape}]`)
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

/** A row shorter than this is divided by this instead, as PyTorch's `normalize` does. */
const SHORTEST = 1e-12

/**
 * NT-Xent of two views as one operation, normalisation of the embeddings included: the mean over all
 * 2 x batch views of `log(sum over others of exp(cosine / temperature)) - cosine to its pair / temperature`
 * (Chen et al. 2020, arXiv:2002.05709, eq. 1), tile by tile like `logSumExpOfPairs`.
 *
 * @param z1, z2 embeddings of the two views, each [batch, features]
 * @param temperature 0.025 or above, so that exponentials need no shift
 * @returns scalar; differentiable
 * @throws ShapeError when the shapes differ or are no matrices
 * @throws SelfsupError when the temperature is too low
 */
export function ntXentOfViews(z1: tf.Tensor2D, z2: tf.Tensor2D, temperature: number): tf.Scalar {
  assertMatrix('ntXentOfViews', { z1, z2 })
  expected(
    temperature >= 1 / SAFE_BOUND,
    `ntXentOfViews: temperature must be at least ${1 / SAFE_BOUND}; got ${temperature}`,
  )
  const [batch, features] = z1.shape
  const tiles = new SymmetricTiles(2 * batch)
  const rows: [number, number] = [2 * batch, features]
  const operation = tf.customGrad((...args: unknown[]) => {
    const [z1, z2, save] = args as [tf.Tensor2D, tf.Tensor2D, tf.GradSaveFunc]
    const z = tf.stack([z1, z2])
    const lengths = tf.sqrt(tf.sum(tf.square(z), 2, true))
    // Scaled on both sides, so that products are cosines over the temperature.
    const scale = tf.div(Math.sqrt(1 / temperature), tf.maximum(lengths, SHORTEST))
    const views = tf.mul(z, scale)
    const pairs = tf.reverse(views, 0)
    const { sums, kept } = tiles.rowSums(tf.reshape(views, rows))
    save([views, pairs, scale, sums, ...kept])
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) =>
      tf.tidy(() => {
        const [views, pairs, scale, sums, ...kept] = saved as [
          tf.Tensor,
          tf.Tensor,
          tf.Tensor,
          tf.Tensor2D,
          ...tf.Tensor2D[],
        ]
        const fromAll = tiles.gradient(tf.reshape(views, rows), tf.div(0.5, sums) as tf.Tensor2D, kept)
        const ofViews = tf.sub(tf.reshape(fromAll, views.shape), pairs)
        const along = tf.mul(tf.sum(tf.mul(views, ofViews), 2, true), temperature)
        const ofZ = tf.mul(tf.sub(ofViews, tf.mul(views, along)), tf.mul(scale, tf.div(dy, batch)))
        return tf.unstack(ofZ)
      })
    const positives = tf.div(tf.sum(tf.mul(views, pairs)), 2 * batch)
    return { value: tf.sub(tf.mean(tf.log(sums)), positives), gradFunc }
  })
  return operation(z1, z2) as tf.Scalar
}
