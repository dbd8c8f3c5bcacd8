import { assertRank } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'

/** Lower bound of the divisor, as in PyTorch's `normalize`. */
const SHORTEST = 1e-12

/**
 * Scales each row to length 1. A row of zeros stays zero. The gradient is fused: `(dy - y (y . dy)) / |x|`.
 *
 * @param x [batch, features]
 * @returns [batch, features]; differentiable
 * @throws ShapeError when `x` is not a matrix
 */
export function l2Normalise(x: tf.Tensor2D): tf.Tensor2D {
  assertRank('l2Normalise', 'x', x, 2, '[batch, features]')
  const operation = tf.customGrad((...args: unknown[]) => {
    const [x, save] = args as [tf.Tensor2D, tf.GradSaveFunc]
    const lengths = tf.sqrt(tf.sum(tf.square(x), 1, true))
    const inverse = tf.div(1, tf.maximum(lengths, SHORTEST)) as tf.Tensor2D
    const y = tf.mul(x, inverse) as tf.Tensor2D
    save([y, inverse])
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) =>
      tf.tidy(() => {
        const [y, inverse] = saved as [tf.Tensor2D, tf.Tensor2D]
        const along = tf.sum(tf.mul(y, dy), 1, true)
        return tf.mul(tf.sub(dy, tf.mul(y, along)), inverse)
      })
    return { value: y, gradFunc }
  })
  return operation(x) as tf.Tensor2D
}
