import { assertMatrix, expected } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { SAFE_BOUND } from './info-nce-blocks.js'
import { SymmetricTiles } from './info-nce-symmetric-tiles.js'
import { lossPrograms } from './loss-programs.js'

/** Lower bound of the divisor when normalising a row, as in PyTorch's `normalize`. */
const SHORTEST = 1e-12

/**
 * NT-Xent of two views as one operation that includes normalisation of the embeddings: the mean over all
 * 2 x batch views of `log(sum over others of exp(cosine / temperature)) - cosine to its pair / temperature`
 * (Chen et al. 2020, arXiv:2002.05709, eq. 1). Computed tile by tile, as `logSumExpOfPairs`.
 *
 * @param z1, z2 embeddings of the two views, each [batch, features]
 * @param temperature at least 0.025, so that exponentials need no shift
 * @returns scalar; differentiable
 * @throws ShapeError if the shapes differ or are not matrices
 * @throws SelfsupError if the temperature is too low
 */
export function ntXentOfViews(z1: tf.Tensor2D, z2: tf.Tensor2D, temperature: number): tf.Scalar {
  assertMatrix('ntXentOfViews', { z1, z2 })
  expected(
    temperature >= 1 / SAFE_BOUND,
    `ntXentOfViews: temperature must be at least ${1 / SAFE_BOUND}; got ${temperature}`,
  )
  const [batch, features] = z1.shape
  const rows: [number, number] = [2 * batch, features]
  // A view's product with itself contributes exp(1 / temperature), each other product at least exp(-1 / temperature). If
  // the sum of the others is larger, the product with itself can be subtracted from the total without losing precision.
  const subtractSelf = Math.exp(2 / temperature) < 2 * batch - 1
  const tiles = new SymmetricTiles(2 * batch, { diagonal: subtractSelf })
  const programs = lossPrograms()
  const operation = tf.customGrad((...args: unknown[]) => {
    const [z1, z2, save] = args as [tf.Tensor2D, tf.Tensor2D, tf.GradSaveFunc]
    const z = tf.stack([z1, z2])
    const lengths = tf.sqrt(tf.sum(tf.square(z), 2, true))
    // Both factors are scaled, so that products are cosines divided by the temperature.
    const scale = tf.div(Math.sqrt(1 / temperature), tf.maximum(lengths, SHORTEST))
    const views = tf.mul(z, scale)
    const pairs = tf.reverse(views, 0)
    if (programs) {
      const logSums = programs.logSumExp(tf.reshape(views, rows), tf.reshape(views, rows), true)
      save([views, pairs, scale, logSums])
      return { value: tf.sub(tf.mean(logSums), positives(views, pairs)), gradFunc }
    }
    const { sums: all, kept } = tiles.rowSums(tf.reshape(views, rows))
    const self = () => tf.reshape(tf.exp(tf.square(tf.mul(scale, lengths))), [-1, 1])
    const sums = subtractSelf ? tf.sub(all, self()) : all
    save([views, pairs, scale, sums, ...kept])
    return { value: tf.sub(tf.mean(tf.log(sums)), positives(views, pairs)), gradFunc }

    function gradFunc(dy: tf.Tensor, saved: tf.Tensor[]) {
      return tf.tidy(() => {
        const [views, pairs, scale, sums, ...kept] = saved as [
          tf.Tensor,
          tf.Tensor,
          tf.Tensor,
          tf.Tensor2D,
          ...tf.Tensor2D[],
        ]
        const z = tf.reshape<tf.Rank.R2>(views, rows)
        const fromAll = programs
          ? programs.gradientOfPairs(tf.fill([2 * batch], 0.5), z, sums as tf.Tensor as tf.Tensor1D)
          : tiles.gradient(z, tf.div(0.5, sums) as tf.Tensor2D, kept)
        const ofViews = tf.sub(tf.reshape(fromAll, views.shape), pairs)
        // Remove the component along each view (including its product with itself), which normalisation cancels.
        const along = tf.mul(tf.sum(tf.mul(views, ofViews), 2, true), temperature)
        const ofZ = tf.mul(tf.sub(ofViews, tf.mul(views, along)), tf.mul(scale, tf.div(dy, batch)))
        return tf.unstack(ofZ)
      })
    }
  })
  return operation(z1, z2) as tf.Scalar
}

/** The mean product of a view with its pair. */
function positives(views: tf.Tensor, pairs: tf.Tensor): tf.Tensor {
  return tf.div(tf.sum(tf.mul(views, pairs)), views.shape[0]! * views.shape[1]!)
}
