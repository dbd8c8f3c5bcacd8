import { expected } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'

/**
 * Rotates each square image counter-clockwise by quarter turns.
 * @param images [batch, size, size, channels]
 * @param quarters int32 [batch], 0 to 3
 * @throws SelfsupError when the images are not square
 */
export function rotateQuarters(images: tf.Tensor4D, quarters: tf.Tensor1D): tf.Tensor4D {
  const [, height, width] = images.shape
  expected(height === width, `rotateQuarters: images must be square; got ${height}x${width}`)
  return tf.tidy(() => {
    const is = (...which: number[]) =>
      tf.reshape(
        which.map((k) => tf.equal(quarters, tf.scalar(k, 'int32'))).reduce((a, b) => tf.logicalOr(a, b)),
        [-1, 1, 1, 1],
      )
    // A quarter turn counter-clockwise is a transposition followed by a vertical flip; a half turn flips both axes.
    let x = tf.where(is(1, 3), tf.transpose(images, [0, 2, 1, 3]), images) as tf.Tensor4D
    x = tf.where(is(1, 2), tf.reverse(x, 1), x) as tf.Tensor4D
    return tf.where(is(2, 3), tf.reverse(x, 2), x) as tf.Tensor4D
  })
}
