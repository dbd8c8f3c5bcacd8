import * as tf from '@tensorflow/tfjs-core'
import { batchNorm } from './batch-norm.js'
import { onWebgpu } from './webgpu/webgpu-backend.js'

/**
 * Scales each feature to mean 0 and standard deviation 1 over the batch: the operands of a cross-correlation matrix.
 * On WebGPU it is three passes, and three for the gradient.
 * @param z [batch, features]
 * @param epsilon added to the variance before the square root
 * @returns [batch, features]; differentiable
 */
export function standardise(z: tf.Tensor2D, epsilon: number): tf.Tensor2D {
  if (onWebgpu()) {
    const features = z.shape[1]
    return tf.tidy(() => batchNorm(z, tf.ones([features]), tf.zeros([features]), { epsilon }).y)
  }
  const centred = tf.sub(z, tf.mean(z, 0))
  const variance = tf.mean(tf.square(centred), 0)
  return tf.mul(centred, tf.rsqrt(tf.add(variance, epsilon))) as tf.Tensor2D
}
