import type { Normalisation } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'

/** Mean and standard deviation of ImageNet's pixels, as in torchvision and lightly. */
export const imagenetNormalisation: Normalisation = {
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
}

/** Normalisation of grey images: the mean of ImageNet's channels. */
export const grayNormalisation: Normalisation = { mean: [0.449], std: [0.226] }

/**
 * The given normalisation of pixels, or the default: ImageNet's for three channels, that of grey images for one, and for another
 * number the mean and standard deviation of grey images for each channel.
 */
export function normalisationOf(channels: number, given?: Normalisation): Normalisation {
  if (given) return given
  if (channels === 3) return imagenetNormalisation
  const { mean, std } = grayNormalisation
  const each = ([value]: readonly number[]) => Array.from({ length: channels }, () => value!)
  return channels === 1 ? grayNormalisation : { mean: each(mean), std: each(std) }
}

/**
 * Subtracts the mean and divides by the standard deviation of each channel.
 * @param images [batch, height, width, channels], 0..1
 */
export function normalise(images: tf.Tensor4D, { mean, std }: Normalisation): tf.Tensor4D {
  return tf.tidy(() => tf.mul(tf.sub(images, tf.tensor1d([...mean])), tf.tensor1d(std.map((s) => 1 / s))))
}
