import { expected } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'

/** How a square image is cut into overlapping patches. */
export interface PatchGrid {
  /** side of the image in pixels */
  readonly size: number
  /** side of a patch */
  readonly patch: number
  /** distance between neighbouring patches in pixels */
  readonly stride: number
  /** number of patches per row, and number of rows */
  readonly grid: number
}

/**
 * Computes the grid of patches that fit into an image (van den Oord et al. 2018, arXiv:1807.03748, section 3.2: patches of
 * 64 of 256 pixels that overlap by half, 7 x 7). Remaining pixels at the right and bottom are not used.
 * @throws SelfsupError when a patch is larger than the image, or only one patch fits
 */
export function patchGrid(size: number, patch: number, stride: number): PatchGrid {
  expected(
    patch <= size,
    `cpc: patch must be at most the image size, ${size} pixels; got ${patch}; set patch to at most ${Math.floor(size / 2)}`,
  )
  const grid = Math.floor((size - patch) / stride) + 1
  expected(
    grid >= 2,
    `cpc: at least two patches must fit into a row of the image; a patch of ${patch} pixels at a stride of ${stride} fits only once into ${size} pixels; set a smaller patch or stride`,
  )
  return { size, patch, stride, grid }
}

/**
 * Cuts images into patches.
 * @param images [batch, size, size, channels], any dtype
 * @returns [batch * grid * grid, patch, patch, channels]: image by image, row by row, from the left
 */
export function cutPatches(images: tf.Tensor4D, { patch, stride, grid }: PatchGrid): tf.Tensor4D {
  const channels = images.shape[3]
  return tf.tidy(() => {
    const lines = Int32Array.from(
      { length: grid * patch },
      (_, i) => Math.floor(i / patch) * stride + (i % patch),
    )
    const positions = tf.tensor1d(lines, 'int32')
    const both = tf.gather(tf.gather(images, positions, 1), positions, 2)
    const split = tf.reshape(both, [-1, patch, grid, patch * channels])
    return tf.reshape(tf.transpose(split, [0, 2, 1, 3]), [-1, patch, patch, channels])
  })
}
