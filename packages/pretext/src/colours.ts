import type { Normalisation } from '@selfsup/core'
import { foldIn, randomNormal, randomUniform } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'

/** The green-magenta axis, along which lenses shift colours towards the edge of an image. */
const ABERRATION = [-1, 2, -1] as const

/**
 * Projects the green-magenta axis out of images, so that chromatic aberration does not reveal the position of a patch:
 * multiplies every pixel by I - aᵀa / (a aᵀ), a = [-1, 2, -1] (Doersch et al. 2015, arXiv:1505.05192, section 3.1,
 * "projection").
 * @param images [batch, height, width, 3], normalised
 * @param normalisation the normalisation of `images`; the projection is applied to the original pixels
 */
export function projectColours(images: tf.Tensor4D, { mean, std }: Normalisation): tf.Tensor4D {
  const length = ABERRATION.reduce((sum, a) => sum + a * a, 0)
  const onto = ABERRATION.map((a, i) => ABERRATION.map((b, j) => (i === j ? 1 : 0) - (a * b) / length))
  // The projection on normalised pixels is a matrix and a shift.
  const matrix = onto.map((row, i) => row.map((value, j) => (std[i]! * value) / std[j]!))
  const shift = mean.map(
    (own, j) => (onto.reduce((sum, row, i) => sum + mean[i]! * row[j]!, 0) - own) / std[j]!,
  )
  return tf.tidy(() => {
    const pixels = tf.matMul(tf.reshape(images, [-1, 3]), tf.tensor2d(matrix))
    return tf.reshape(tf.add(pixels, tf.tensor1d(shift)), images.shape)
  })
}

/** Standard deviation of the noise, as a fraction of the kept colour's. */
const NOISE = 0.01

/**
 * Drops two random colours of some patches, and replaces them with noise of a hundredth of the remaining colour's standard
 * deviation (Doersch et al. 2015, arXiv:1505.05192, section 3.1, "color dropping").
 * @param patches [batch, height, width, 3], normalised
 * @param probability probability that a patch loses two colours
 * @param seed int32 [2]
 */
export function dropColours(patches: tf.Tensor4D, probability: number, seed: tf.Tensor1D): tf.Tensor4D {
  const [count] = patches.shape
  return tf.tidy(() => {
    const kept = tf.floor(tf.mul(randomUniform([count], foldIn(seed, 0)), 3))
    const own = tf.reshape(tf.cast(tf.oneHot(tf.cast(kept, 'int32'), 3), 'float32'), [-1, 1, 1, 3])
    const deviation = tf.sqrt(tf.sum(tf.mul(tf.moments(patches, [1, 2], true).variance, own), 3, true))
    const noise = tf.mul(randomNormal(patches.shape, foldIn(seed, 1)), tf.mul(deviation, NOISE))
    const dropped = tf.add(tf.mul(patches, own), tf.mul(noise, tf.sub(1, own)))
    const where = tf.less(randomUniform([count, 1, 1, 1], foldIn(seed, 2)), probability)
    return tf.where(where, dropped, patches) as tf.Tensor4D
  })
}
