import { assertRank, expected } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'

/**
 * Turns each image about its middle by an angle of its own, bilinear, 0 where the image ends: torchvision's
 * `rotate` of the same size.
 * @param images [batch, height, width, channels], any range
 * @param angles float32 [batch], in degrees, counter-clockwise
 * @returns float32 of the images' shape
 * @throws ShapeError when images are no [batch, height, width, channels], SelfsupError when the angles are not as many
 */
export function rotate(images: tf.Tensor4D, angles: tf.Tensor1D): tf.Tensor4D {
  assertRank('rotate', 'images', images, 4, '[batch, height, width, channels]')
  const [batch, height, width] = images.shape
  expected(
    angles.size === batch,
    `rotate: there must be an angle for each of ${batch} pictures; got ${angles.size}`,
  )
  return tf.tidy(() => {
    const radians = tf.mul(angles, Math.PI / 180)
    const [sin, cos] = [tf.sin(radians), tf.cos(radians)]
    const [x, y] = [(width - 1) / 2, (height - 1) / 2]
    // Where in the image each place of the result comes from: turned back about the middle.
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
