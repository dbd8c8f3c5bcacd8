import * as tf from '@tensorflow/tfjs-core'

/**
 * Luma of each pixel, 0.2989 R + 0.587 G + 0.114 B, as torchvision's `rgb_to_grayscale`. Images with one channel are
 * returned unchanged; of channels that are not red, green and blue, it is the mean.
 * @param images [batch, height, width, channels]
 * @returns [batch, height, width, 1]
 */
export function grayscale(images: tf.Tensor4D): tf.Tensor4D {
  const [batch, height, width, channels] = images.shape
  if (channels === 1) return tf.clone(images)
  if (channels !== 3) return tf.mean(images, 3, true)
  return tf.tidy(() =>
    tf.reshape(tf.matMul(tf.reshape(images, [-1, 3]), tf.tensor2d([0.2989, 0.587, 0.114], [3, 1])), [
      batch,
      height,
      width,
      1,
    ]),
  )
}

/**
 * Converts the images that the mask selects to grey.
 * @param images [batch, height, width, 3]
 * @param mask [batch], 1 to convert an image, otherwise 0
 */
export function grayscaleWhere(images: tf.Tensor4D, mask: tf.Tensor1D): tf.Tensor4D {
  return tf.tidy(() => {
    const m = tf.reshape(mask, [-1, 1, 1, 1])
    return tf.add(tf.mul(images, tf.sub(1, m)), tf.mul(grayscale(images), m)) as tf.Tensor4D
  })
}
