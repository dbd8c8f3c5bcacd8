import type { ViewParameters, ViewSettings } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import { bandJitter } from './band-jitter.js'
import { colorJitter } from './color-jitter.js'
import { gaussianBlur } from './gaussian-blur.js'
import { grayscaleWhere } from './grayscale.js'
import { normalise } from './normalise.js'
import { resizedCrop } from './resized-crop.js'
import { rotateQuarters } from './right-angles.js'
import { solariseWhere } from './solarise.js'

/**
 * Creates views from TensorFlow.js operations on the whole batch. `fusedViews` of @selfsup/kernels computes the same in one
 * pass if the engine supports it.
 * @param images [batch, height, width, channels], 0..255; must have the views' size if the parameters contain no box
 * @param parameters parameters of views * batch views
 * @returns float32 [views * batch, size, size, channels]
 */
export function composeViews(
  images: tf.Tensor4D,
  parameters: ViewParameters,
  { size, normalisation, kernelSize = 0, threshold = 0.5 }: ViewSettings,
): tf.Tensor4D {
  const { box, mirrored: horizontal, upsideDown: vertical } = parameters
  const { quarters, jitter, bands, grey, sigma, solarised } = parameters
  return tf.tidy(() => {
    let x = box
      ? resizedCrop(images, box, size, { horizontal, vertical })
      : mirrored(tf.cast(images, 'float32'), horizontal, vertical)
    x = tf.mul(x, 1 / 255)
    if (quarters) x = rotateQuarters(x, tf.cast(quarters, 'int32'))
    if (jitter) x = colorJitter(x, jitter)
    if (bands) x = bandJitter(x, bands)
    if (grey) x = grayscaleWhere(x, grey)
    if (sigma && kernelSize > 1) x = gaussianBlur(x, sigma, kernelSize)
    if (solarised) x = solariseWhere(x, solarised, threshold)
    return normalise(x, normalisation)
  })
}

/** Flips crops that were made during decoding. */
function mirrored(x: tf.Tensor4D, horizontal?: tf.Tensor1D, vertical?: tf.Tensor1D): tf.Tensor4D {
  const where = (mask: tf.Tensor1D, axis: number, images: tf.Tensor4D) =>
    tf.where(
      tf.reshape(tf.cast(mask, 'bool'), [-1, 1, 1, 1]),
      tf.reverse(images, axis),
      images,
    ) as tf.Tensor4D
  const once = horizontal ? where(horizontal, 2, x) : x
  return vertical ? where(vertical, 1, once) : once
}
