import { stopGradient } from '@selfsup/core'
import { inFloat32 } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'

/** From images to logits [batch, 1]. */
type Discriminator = (images: tf.Tensor4D) => tf.Tensor

/** Length of the step to either side, root mean square over a image's values. */
const STEP = 0.01

/**
 * Where a discriminator's answer to each image rises most steeply: its gradient by the image, of length 1 (0 where there
 * is none). Not differentiable: what `r1Penalty` takes.
 * @param images [batch, height, width, channels]
 * @returns of their shape
 */
export function steepest(discriminator: Discriminator, images: tf.Tensor4D): tf.Tensor4D {
  return tf.tidy(() => {
    const slope = tf.grad((x) => tf.sum(discriminator(x as tf.Tensor4D)))(images)
    const lengths = tf.sqrt(tf.sum(tf.square(slope), [1, 2, 3], true))
    return stopGradient(tf.div(slope, tf.maximum(lengths, 1e-12))) as tf.Tensor4D
  })
}

/**
 * R1: the squared length of the discriminator's gradient by real images, which keeps it from being too sure near them
 * (Mescheder et al. 2018, arXiv:1801.04406, equation 9, without its gamma / 2).
 *
 * Its gradient by the weights is a second derivative, which TensorFlow.js 4.22 loses, without a word, through every operation
 * whose gradient uses its output (exp, sigmoid, tanh), and fused ones do not have (normalisations, native activations). But the length is the slope in the direction in which it is largest, and a small change
 * of weights that turns that direction does not, to first order, change the largest slope (envelope theorem): the direction
 * may be held, and the slope along it taken as a central difference. What remains is an error of the order of the
 * step squared; none for a linear discriminator.
 * @param images real ones, [batch, height, width, channels]
 * @param direction `steepest` of the same discriminator and images
 * @returns scalar, mean over images, >= 0
 */
export function r1Penalty(
  discriminator: Discriminator,
  images: tf.Tensor4D,
  direction: tf.Tensor4D,
): tf.Scalar {
  return tf.tidy(() => {
    const [, height, width, channels] = images.shape
    const step = STEP * Math.sqrt(height * width * channels)
    const aside = tf.mul(direction, step)
    const [above, below] = [tf.add(images, aside), tf.sub(images, aside)] as [tf.Tensor4D, tf.Tensor4D]
    // bfloat16 would lose most of a difference of nearly equal answers, and of their gradients.
    const rise = inFloat32(() => tf.sub(discriminator(above), discriminator(below)))
    const slope = tf.div(rise, 2 * step)
    return tf.mean(tf.square(slope))
  })
}
