import { expected } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'

/** How a square image is cut into overlapping patches. */
export interface PatchGrid {
  /** side of the image in pixels */
  readonly size: number
  /** side of a patch */
  readonly patch: number
  /** pixels from one patch to the next */
  readonly stride: number
  /** patches in a row, and rows of them */
  readonly grid: number
}

/**
 * The grid of patches that lie wholly within a image (van den Oord et al. 2018, arXiv:1807.03748, section 3.2: 64 of
 * 256 pixels, half overlapping, 7 x 7); what is left over at the right and below is not seen.
 * @throws SelfsupError when a patch is larger than the image or there is but one
 */
export function patchGrid(size: number, patch: number, stride: number): PatchGrid {
  expected(
    patch <= size,
    `cpc: patches of ${patch} pixels are larger than the pictures of ${size}; set patch to at most ${Math.floor(size / 2)}`,
  )
  const grid = Math.floor((size - patch) / stride) + 1
  expected(
    grid >= 2,
    `cpc: a single patch of ${patch} pixels fits into pictures of ${size} at a stride of ${stride}, so that there is nothing to predict; set a smaller patch or stride`,
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
