import { registerKernels } from '@selfsup/kernels/losses'
import * as tf from '@tensorflow/tfjs-core'

/**
 * Computes a loss in a tidy, with the gradients of `@selfsup/kernels` registered for the current backend. Those of
 * TensorFlow.js 4.22 are wrong for some operations and missing for others.
 */
export function withKernels<Result extends tf.TensorContainer>(compute: () => Result): Result {
  registerKernels()
  return tf.tidy(compute)
}
