import { foldIn, randomUniform } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'

/** Factors of each band are drawn from [1 - x, 1 + x], at least 0. */
export interface BandJitterStrength {
  readonly brightness: number
  readonly contrast: number
}

/** Factors of a jitter of bands: [views, channels] each. */
export interface BandJitterParameters {
  readonly brightness: tf.Tensor2D
  readonly contrast: tf.Tensor2D
}

/**
 * Changes contrast and then brightness of each band by its own factors, and clamps to 0..1. For images of several bands this is
 * what saturation and hue are for colours: without it, the mean of one band relative to another identifies an image in all its views.
 * @param images [views, height, width, channels], 0..1
 * @returns brightness * (contrast * x + (1 - contrast) * mean of the band in its image), of the same shape, 0..1
 */
export function bandJitter(images: tf.Tensor4D, { brightness, contrast }: BandJitterParameters): tf.Tensor4D {
  return tf.tidy(() => {
    const each = (factors: tf.Tensor) => tf.reshape(factors, [images.shape[0], 1, 1, images.shape[3]])
    const mean = tf.mean(images, [1, 2], true)
    const contrasted = tf.add(mean, tf.mul(tf.sub(images, mean), each(contrast)))
    return tf.clipByValue(tf.mul(contrasted, each(brightness)), 0, 1) as tf.Tensor4D
  })
}

/**
 * Draws the factors of each band of each view uniformly.
 * @param strength strengths for all views, or [views] for each
 * @param probability probability of jittering a view, a number or [views]
 * @param seed int32 [2]; streams are folded in
 * @param options.images number of images in the batch, of which there may be several copies
 */
export function randomBandJitter(
  [views, channels]: readonly [views: number, channels: number],
  strength: Readonly<Record<keyof BandJitterStrength, number | tf.Tensor1D>>,
  probability: number | tf.Tensor1D,
  seed: tf.Tensor1D,
  options: { readonly images?: number } = {},
): BandJitterParameters {
  return tf.tidy(() => {
    const drawn = randomUniform<tf.Rank.R1>([views], foldIn(seed, 0), options)
    const applied = tf.cast(tf.less(drawn, probability), 'float32')
    const factors = (strength: number | tf.Tensor1D, stream: number) => {
      const uniform = randomUniform<tf.Rank.R2>([views, channels], foldIn(seed, stream), options)
      const widest = tf.reshape(tf.mul(applied, strength), [views, 1])
      const lowest = tf.maximum(tf.sub(1, widest), 0)
      return tf.add(lowest, tf.mul(uniform, tf.sub(tf.add(1, widest), lowest))) as tf.Tensor2D
    }
    return { brightness: factors(strength.brightness, 1), contrast: factors(strength.contrast, 2) }
  })
}
