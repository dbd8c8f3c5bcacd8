import { assertRank } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { Boxes } from './crop-boxes.js'

/** Which images of the result to flip: [batch], 1 or 0. */
export interface Mirrors {
  readonly horizontal?: tf.Tensor1D
  readonly vertical?: tf.Tensor1D
}

/**
 * Crops a box from each image and resizes it to size x size, bilinear with antialiasing, as torchvision's `resized_crop`.
 * Flips cost nothing. Computed as two batched matrix products: every row and column of the result is a weighted mean of
 * those of the image.
 * @param images [batch, height, width, channels], any range
 * @param boxes within the images; `views` boxes per image when they are [views * batch], all of view 0 first
 * @returns float32 [views * batch, size, size, channels]
 * @throws ShapeError when the images are not [batch, height, width, channels]
 */
export function resizedCrop(
  images: tf.Tensor4D,
  boxes: Boxes,
  size: number,
  mirrors: Mirrors = {},
): tf.Tensor4D {
  assertRank('resizedCrop', 'images', images, 4, '[batch, height, width, channels]')
  return tf.tidy(() => {
    const [batch, height, width, channels] = images.shape
    const count = boxes.top.shape[0]
    const views = count / batch
    const rows = samplingWeights(boxes.top, boxes.height, height, size, mirrors.vertical)
    const columns = samplingWeights(boxes.left, boxes.width, width, size, mirrors.horizontal)
    // Columns first, on transposed images, so that a single transposition between the products is enough.
    const onSide = tf.reshape(tf.transpose(tf.cast(images, 'float32'), [0, 2, 1, 3]), [
      batch,
      width,
      height * channels,
    ])
    const perImage = views === 1 ? columns : stackViews(columns, views, batch)
    const narrow = tf.reshape(tf.matMul(perImage, onSide), [batch, views, size, height, channels])
    const upright = tf.reshape(tf.transpose(narrow, [1, 0, 3, 2, 4]), [count, height, size * channels])
    return tf.reshape(tf.matMul(rows, upright), [count, size, size, channels])
  })
}

/** [views * batch, size, width] to [batch, views * size, width]: all views of an image in one product. */
function stackViews(weights: tf.Tensor3D, views: number, batch: number): tf.Tensor3D {
  const [, size, width] = weights.shape
  return tf.reshape(tf.transpose(tf.reshape(weights, [views, batch, size, width]), [1, 0, 2, 3]), [
    batch,
    views * size,
    width,
  ])
}

/**
 * Weights of the pixels along one axis in each pixel of the result: a triangle with the width of one pixel of the result
 * (of the image when enlarging) around its centre, restricted to the box, with sum 1.
 * @returns [count, size, length]
 */
function samplingWeights(
  start: tf.Tensor1D,
  extent: tf.Tensor1D,
  length: number,
  size: number,
  mirrored?: tf.Tensor1D,
): tf.Tensor3D {
  const column = (x: tf.Tensor1D) => tf.reshape(x, [-1, 1, 1])
  const scale = tf.div(column(extent), size)
  const plain = tf.reshape(tf.add(tf.range(0, size), 0.5), [1, size, 1])
  const index = mirrored ? tf.abs(tf.sub(tf.mul(column(mirrored), size), plain)) : plain
  const centre = tf.add(tf.mul(index, scale), column(start))
  const pixel = tf.reshape(tf.add(tf.range(0, length), 0.5), [1, 1, length])
  const triangle = tf.relu(tf.sub(1, tf.div(tf.abs(tf.sub(pixel, centre)), tf.maximum(scale, 1))))
  const within = tf.logicalAnd(
    tf.greater(pixel, column(start)),
    tf.less(pixel, tf.add(column(start), column(extent))),
  )
  const weights = tf.mul(triangle, tf.cast(within, 'float32'))
  return tf.div(weights, tf.sum(weights, 2, true)) as tf.Tensor3D
}
