import type { Normalisation } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { rgbToLab } from './lab.js'
import { toPixels } from './pixels.js'

/** Lightness and colour of images, scaled to about -1..1: [batch, size, size, 1] and [batch, size, size, 2]. */
export interface Channels extends tf.NamedTensorMap {
  readonly lightness: tf.Tensor4D
  readonly colour: tf.Tensor4D
}

/** Target of a half. */
export type Target = 'lightness' | 'colour'

/** Splits normalised images into the inputs of the halves: L / 50 - 1, and a / 110 and b / 110. */
export function split(images: tf.Tensor4D, normalisation: Normalisation): Channels {
  const lab = rgbToLab(toPixels(images, normalisation))
  const [lightness, a, b] = tf.split(lab, 3, 3) as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D]
  return {
    lightness: tf.sub(tf.div(lightness, 50), 1),
    colour: tf.div(tf.concat([a, b], 3), 110),
  }
}

/** Converts scaled channels to units of Lab. */
export function inLab(target: Target, values: tf.Tensor4D): tf.Tensor4D {
  return target === 'colour' ? tf.mul(values, 110) : tf.mul(tf.add(values, 1), 50)
}

/** Cross-entropy of logits [..., bins] with the right bins, mean over all positions. */
export function likelihoodLoss(logits: tf.Tensor4D, bins: tf.Tensor): tf.Scalar {
  const count = logits.shape[3]
  const right = tf.oneHot(tf.reshape(bins, [-1]) as tf.Tensor1D, count)
  const scores = tf.logSoftmax(tf.reshape(logits, [-1, count]))
  return tf.neg(tf.mean(tf.sum(tf.mul(scores, right), 1))) as tf.Scalar
}
