import { stopGradient } from '@selfsup/core'
import { inFloat32 } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'

/** Maps images to logits [batch, 1]. */
type Discriminator = (images: tf.Tensor4D) => tf.Tensor

/** Length of the finite-difference step: root mean square over the values of an image. */
const STEP = 0.01

/**
 * Direction of steepest ascent of a discriminator's logit at each image: its gradient with respect to the image, scaled to
 * length 1 (0 if the gradient is 0). Not differentiable; an input of `r1Penalty`.
 * @param images [batch, height, width, channels]
 * @returns directions of the same shape
 */
export function steepestDirections(discriminator: Discriminator, images: tf.Tensor4D): tf.Tensor4D {
  return tf.tidy(() => {
    const slope = tf.grad((x) => tf.sum(discriminator(x as tf.Tensor4D)))(images)
    const lengths = tf.sqrt(tf.sum(tf.square(slope), [1, 2, 3], true))
    return stopGradient(tf.div(slope, tf.maximum(lengths, 1e-12))) as tf.Tensor4D
  })
}

/**
 * R1 penalty: the squared length of the discriminator's gradient with respect to real images (Mescheder et al. 2018,
 * arXiv:1801.04406, equation 9, without the factor gamma / 2).
 *
 * Its gradient with respect to the weights is a second derivative. TensorFlow.js 4.22 silently loses second derivatives through
 * operations whose gradient uses their output (exp, sigmoid, tanh), and fused operations have none (normalisations, native
 * activations). Instead, the penalty fixes the direction of steepest ascent and computes the slope along it as a central
 * difference. By the envelope theorem, a change of the direction does not change the largest slope to first order. The
 * remaining error is of the order of the squared step, and 0 for a linear discriminator.
 * @param images real images, [batch, height, width, channels]
 * @param direction `steepestDirections` of the same discriminator and images
 * @returns scalar >= 0, mean over images
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
    // In bfloat16 the difference of two nearly equal logits would lose most of its precision, and so would its gradient.
    const rise = inFloat32(() => tf.sub(discriminator(above), discriminator(below)))
    const slope = tf.div(rise, 2 * step)
    return tf.mean(tf.square(slope))
  })
}
