import { randomOrders } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'

/**
 * Splits images into patches.
 * @param images [batch, size, size, channels]
 * @param side side of a patch, a divisor of the size
 * @returns [batch, patches, side * side * channels], row by row
 */
export function patchify(images: tf.Tensor4D, side: number): tf.Tensor3D {
  return tf.tidy(() => {
    const [batch, size, , channels] = images.shape
    const grid = size / side
    const cut = tf.reshape(images, [batch * grid, side, grid, side * channels])
    return tf.reshape(tf.transpose(cut, [0, 2, 1, 3]), [batch, grid * grid, side * side * channels])
  }) as tf.Tensor3D
}

/** Assembles images from patches: the inverse of `patchify`. */
export function unpatchify(patches: tf.Tensor3D, side: number): tf.Tensor4D {
  return tf.tidy(() => {
    const [batch, count, values] = patches.shape
    const grid = Math.round(Math.sqrt(count))
    const channels = values / side ** 2
    const rows = tf.reshape(patches, [batch * grid, grid, side, side * channels])
    return tf.reshape(tf.transpose(rows, [0, 2, 1, 3]), [batch, grid * side, grid * side, channels])
  }) as tf.Tensor4D
}

/** The visible and the masked patches of each image. */
export interface Masking extends tf.NamedTensorMap {
  /** float32 [batch, visible, patches]: each row is the one-hot vector of a visible patch, in random order; multiplies tokens */
  readonly visible: tf.Tensor3D
  /** float32 [batch, patches]: 1 for masked patches, 0 for visible ones */
  readonly hidden: tf.Tensor2D
}

/**
 * Masks the same number of random patches in each image (He et al. 2022, arXiv:2111.06377, section 3).
 * @param visible number of visible patches
 * @param seed int32 [2]
 */
export function maskPatches(batch: number, patches: number, visible: number, seed: tf.Tensor1D): Masking {
  return tf.tidy(() => {
    const orders = tf.slice(randomOrders(batch, patches, seed), [0, 0], [-1, visible])
    const chosen = tf.cast(tf.oneHot(orders, patches), 'float32') as tf.Tensor3D
    return { visible: chosen, hidden: tf.sub(1, tf.sum(chosen, 1)) as tf.Tensor2D }
  })
}

/**
 * Normalises each patch to mean 0 and variance 1 (section 4.1, "reconstruction target"), as in MAE's code: with the
 * unbiased variance (n - 1) plus 1e-6.
 * @param patches [batch, patches, values]
 */
export function normalisePatches(patches: tf.Tensor3D): tf.Tensor3D {
  return tf.tidy(() => {
    const { mean, deviation } = patchStatistics(patches)
    return tf.div(tf.sub(patches, mean), deviation)
  }) as tf.Tensor3D
}

/** Mean and deviation of each patch: [batch, patches, 1]. */
export function patchStatistics(patches: tf.Tensor3D): {
  readonly mean: tf.Tensor3D
  readonly deviation: tf.Tensor3D
} {
  const values = patches.shape[2]
  const mean = tf.mean(patches, 2, true) as tf.Tensor3D
  const squares = tf.sum(tf.squaredDifference(patches, mean), 2, true)
  const variance = tf.div(squares, Math.max(1, values - 1))
  return { mean, deviation: tf.sqrt(tf.add(variance, 1e-6)) as tf.Tensor3D }
}
