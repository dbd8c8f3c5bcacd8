import { assertRank, expected } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'

/**
 * Rotates each image about its centre by its own angle, bilinear, with 0 outside the image, as torchvision's `rotate`
 * without expansion.
 * @param images [batch, height, width, channels], any range
 * @param angles float32 [batch], in degrees, counter-clockwise
 * @returns float32 of the images' shape
 * @throws ShapeError when the images are not [batch, height, width, channels]
 * @throws SelfsupError when there is not one angle per image
 */
export function rotate(images: tf.Tensor4D, angles: tf.Tensor1D): tf.Tensor4D {
  assertRank('rotate', 'images', images, 4, '[batch, height, width, channels]')
  const [batch, height, width] = images.shape
  expected(
    angles.size === batch,
    `rotate: there must be an angle for each of ${batch} images; got ${angles.size}`,
  )
  return tf.tidy(() => {
    const radians = tf.mul(angles, Math.PI / 180)
    const [sin, cos] = [tf.sin(radians), tf.cos(radians)]
    const [x, y] = [(width - 1) / 2, (height - 1) / 2]
    // Maps each position of the result back to its source: the inverse rotation about the centre.
    const shiftX = tf.sub(x, tf.sub(tf.mul(cos, x), tf.mul(sin, y)))
    const shiftY = tf.sub(y, tf.add(tf.mul(sin, x), tf.mul(cos, y)))
    const none = tf.zerosLike(sin)
    const transforms = tf.stack([cos, tf.neg(sin), shiftX, sin, cos, shiftY, none, none], 1) as tf.Tensor2D
    return tf.image.transform(tf.cast(images, 'float32'), transforms, 'bilinear', 'constant', 0, [
      height,
      width,
    ])
  })
}
