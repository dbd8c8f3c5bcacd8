import * as tf from '@tensorflow/tfjs-core'
import { lossPrograms } from './loss-programs.js'

/**
 * Scales each feature to mean 0 and standard deviation 1 over the batch: the operands of a cross-correlation matrix.
 * On WebGPU it is three passes, and three for the gradient.
 * @param z [batch, features]
 * @param epsilon added to the variance before the square root
 * @returns [batch, features]; differentiable
 */
export function standardise(z: tf.Tensor2D, epsilon: number): tf.Tensor2D {
  const programs = lossPrograms()
  if (programs) return programs.standardise(z, epsilon)
  const centred = tf.sub(z, tf.mean(z, 0))
  const variance = tf.mean(tf.square(centred), 0)
  return tf.mul(centred, tf.rsqrt(tf.add(variance, epsilon))) as tf.Tensor2D
}
