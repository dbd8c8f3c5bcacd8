import { foldIn, randomNormal, randomUniform } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'

/** Ways to corrupt an image. */
export const corruptions = ['gaussian', 'masking', 'salt-and-pepper'] as const

export type Corruption = (typeof corruptions)[number]

/**
 * Corrupts each image at random (Vincent et al. 2010, Stacked denoising autoencoders, JMLR 11, section 3.3): `gaussian`
 * adds independent noise to every value; `masking` sets all channels of a fraction of the pixels to 0; `salt-and-pepper`
 * sets them to 0 or 1 with equal probability.
 * @param images [batch, height, width, channels], 0..1
 * @param level standard deviation of the noise, or fraction of the pixels
 * @param seed int32 [2]
 * @returns images of the same shape; noisy values can be outside 0..1
 */
export function corrupt(
  images: tf.Tensor4D,
  corruption: Corruption,
  level: number,
  seed: tf.Tensor1D,
): tf.Tensor4D {
  return tf.tidy(() => {
    const [batch, height, width] = images.shape
    if (corruption === 'gaussian')
      return tf.add(images, randomNormal<tf.Rank.R4>(images.shape, foldIn(seed, 0), { stdDev: level }))
    const hit = tf.reshape(exactPart(batch, height * width, level, foldIn(seed, 1)), [
      batch,
      height,
      width,
      1,
    ])
    const kept = tf.mul(images, tf.sub(1, hit))
    if (corruption === 'masking') return kept
    const coin = randomUniform([batch, height, width, 1], foldIn(seed, 2))
    return tf.add(kept, tf.mul(hit, tf.cast(tf.less(coin, 0.5), 'float32')))
  }) as tf.Tensor4D
}

/**
 * Marks the same number of random places in each row.
 * @param part fraction of the places, 0..1; the number is rounded
 * @returns [rows, places], 1 for marked places, otherwise 0; a tie of two random numbers marks one more (in one of thousands of rows)
 */
export function exactPart(rows: number, places: number, part: number, seed: tf.Tensor1D): tf.Tensor2D {
  return tf.tidy(() => {
    const count = Math.round(part * places)
    if (count === 0) return tf.zeros([rows, places])
    const drawn = randomUniform<tf.Rank.R2>([rows, places], seed)
    const least = tf.slice(tf.topk(drawn, count, true).values, [0, count - 1], [-1, 1])
    return tf.cast(tf.greaterEqual(drawn, least), 'float32')
  }) as tf.Tensor2D
}
