import * as tf from '@tensorflow/tfjs-core'

/**
 * Shifts each pixel's hue in HSV, as torchvision's `adjust_hue`.
 *
 * With M and m the largest and smallest of a pixel's channels and H its hue in sixths of a turn, the conversion from HSV is
 * channel = M - (M - m) * clamp(min(k, 4 - k), 0, 1) with k = (n + H) mod 6 and n = 5, 3, 1 for R, G, B. Only H has to be
 * computed.
 * @param images [batch, height, width, 3], 0..1
 * @param turns [batch], shift in turns of the colour circle, -0.5..0.5
 */
export function shiftHue(images: tf.Tensor4D, turns: tf.Tensor1D): tf.Tensor4D {
  return tf.tidy(() => {
    const [r, g, b] = tf.split(images, 3, 3) as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D]
    const largest = tf.maximum(r, tf.maximum(g, b))
    const chroma = tf.sub(largest, tf.minimum(r, tf.minimum(g, b)))
    const divisor = tf.add(chroma, tf.cast(tf.equal(chroma, 0), 'float32'))
    const hue = tf.where(
      tf.equal(largest, r),
      tf.div(tf.sub(g, b), divisor),
      tf.where(
        tf.equal(largest, g),
        tf.add(tf.div(tf.sub(b, r), divisor), 2),
        tf.add(tf.div(tf.sub(r, g), divisor), 4),
      ),
    )
    const turned = tf.add(hue, tf.mul(tf.reshape(turns, [-1, 1, 1, 1]), 6))
    const n = tf.add(turned, tf.tensor1d([5, 3, 1]))
    const k = tf.sub(n, tf.mul(tf.floor(tf.mul(n, 1 / 6)), 6))
    return tf.sub(largest, tf.mul(chroma, tf.clipByValue(tf.minimum(k, tf.sub(4, k)), 0, 1))) as tf.Tensor4D
  })
}
