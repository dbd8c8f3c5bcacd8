import { grayscale } from '@selfsup/augment'
import type { Normalisation } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'

/** [3, 3, 1, 2]: brightness falling to the right, and falling downwards. */
const KERNEL = [1, 0, -1, 2, 0, -2, 1, 0, -1].flatMap((across, place) => [
  across,
  [1, 2, 1, 0, 0, 0, -1, -2, -1][place]!,
])

/**
 * Edges of images: the brightness's slope across and down, by Sobel's filters with zeros around the image, of
 * images that are not normalised: without colour and light, which are too easy to cluster by (Ji et al. 2019,
 * arXiv:1807.06653, section 4.1; `sobel_process` of the authors' code).
 * @param images [batch, height, width, 1 or 3], normalised
 * @param normalisation theirs
 * @returns [batch, height, width, 2], -4..4
 */
export function sobel(images: tf.Tensor4D, { mean, std }: Normalisation): tf.Tensor4D {
  return tf.tidy(() => {
    const pixels = tf.add(tf.mul(images, tf.tensor1d([...std])), tf.tensor1d([...mean])) as tf.Tensor4D
    const brightness = images.shape[3] === 1 ? pixels : grayscale(pixels)
    return tf.conv2d(brightness, tf.tensor4d(KERNEL, [3, 3, 1, 2]), 1, 'same')
  })
}
