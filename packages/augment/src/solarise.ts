import * as tf from '@tensorflow/tfjs-core'

/**
 * Inverts pixels that are at least as bright as the threshold, as torchvision's `solarize`, in the images that the mask
 * selects.
 * @param images [batch, height, width, channels], 0..1
 * @param mask [batch], 1 to solarise an image, otherwise 0
 * @param threshold 0..1; 0.5 as in BYOL
 */
export function solariseWhere(images: tf.Tensor4D, mask: tf.Tensor1D, threshold = 0.5): tf.Tensor4D {
  return tf.tidy(() => {
    const inverted = tf.mul(
      tf.cast(tf.greaterEqual(images, threshold), 'float32'),
      tf.reshape(mask, [-1, 1, 1, 1]),
    )
    // x where not inverted, 1 - x where inverted
    return tf.add(tf.mul(images, tf.sub(1, tf.mul(inverted, 2))), inverted) as tf.Tensor4D
  })
}
