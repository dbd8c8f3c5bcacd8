import { grayscale } from '@selfsup/augment'
import type { Normalisation } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'

/** [3, 3, 1, 2]: responds to brightness that falls to the right, and that falls downwards. */
const KERNEL = [1, 0, -1, 2, 0, -2, 1, 0, -1].flatMap((across, place) => [
  across,
  [1, 2, 1, 0, 0, 0, -1, -2, -1][place]!,
])

/**
 * Horizontal and vertical edges of images: Sobel filters of the brightness before normalisation, with zero padding. Without
 * colour, which is too easy to cluster by (Ji et al. 2019, arXiv:1807.06653, section 4.1; `sobel_process` in the authors'
 * code).
 * @param images [batch, height, width, 1 or 3], normalised
 * @param normalisation the normalisation of `images`, which is undone
 * @returns [batch, height, width, 2], -4..4
 */
export function sobel(images: tf.Tensor4D, { mean, std }: Normalisation): tf.Tensor4D {
  return tf.tidy(() => {
    const pixels = tf.add(tf.mul(images, tf.tensor1d([...std])), tf.tensor1d([...mean])) as tf.Tensor4D
    const brightness = images.shape[3] === 1 ? pixels : grayscale(pixels)
    return tf.conv2d(brightness, tf.tensor4d(KERNEL, [3, 3, 1, 2]), 1, 'same')
  })
}
