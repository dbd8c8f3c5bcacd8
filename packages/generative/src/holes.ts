import { expected } from '@selfsup/core'
import { randomUniform } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'

/**
 * Side of square holes that together cover a fraction of an image.
 * @param size side of the image in pixels
 * @param part fraction of its area, within (0, 1)
 * @throws SelfsupError if a hole would be smaller than a pixel or cover the whole image
 */
export function holeSide(where: string, size: number, part: number, holes = 1): number {
  const side = Math.round(size * Math.sqrt(part / holes))
  expected(
    side >= 1 && side < size,
    `${where}: ${holes === 1 ? 'a hole' : `${holes} holes`} of ${part} of an image of ${size} pixels would have a side of ${side}; set another part, or use larger images`,
  )
  return side
}

/**
 * Mask of a square hole in the centre.
 * @returns [batch, size, size, 1], 1 in the hole, otherwise 0
 */
export function centreHole(batch: number, size: number, side: number): tf.Tensor4D {
  return tf.tidy(() => {
    const start = Math.floor((size - side) / 2)
    const inside = spans(tf.fill([batch, 1], start), size, side)
    return outer(inside, inside)
  })
}

/**
 * Mask of square holes at random positions, which can overlap.
 * @param seed int32 [2]
 * @returns [batch, size, size, 1], 1 in a hole, otherwise 0
 */
export function randomHoles(
  batch: number,
  size: number,
  side: number,
  holes: number,
  seed: tf.Tensor1D,
): tf.Tensor4D {
  return tf.tidy(() => {
    const drawn = randomUniform<tf.Rank.R3>([2, batch, holes], seed)
    const [tops, lefts] = tf.unstack(tf.floor(tf.mul(drawn, size - side + 1))) as [tf.Tensor2D, tf.Tensor2D]
    return outer(spans(tops, size, side), spans(lefts, size, side))
  })
}

/** [batch, holes, size]: `side` ones from each start. */
function spans(starts: tf.Tensor2D, size: number, side: number): tf.Tensor3D {
  const from = tf.expandDims(starts, 2)
  const places = tf.reshape(tf.range(0, size), [1, 1, size])
  const inside = tf.logicalAnd(tf.greaterEqual(places, from), tf.less(places, tf.add(from, side)))
  return tf.cast(inside, 'float32') as tf.Tensor3D
}

/** Union of rectangles: [batch, size, size, 1]. */
function outer(rows: tf.Tensor3D, columns: tf.Tensor3D): tf.Tensor4D {
  return tf.expandDims(tf.minimum(tf.matMul(rows, columns, true), 1), 3) as tf.Tensor4D
}

/**
 * Mean squared error within holes; predictions elsewhere are ignored and have no gradient.
 * @param made, target [batch, height, width, channels]
 * @param hole [batch, height, width, 1], 1 or 0
 */
export function holeError(made: tf.Tensor4D, target: tf.Tensor4D, hole: tf.Tensor4D): tf.Scalar {
  return tf.tidy(() => {
    const errors = tf.mul(tf.squaredDifference(made, target), hole)
    return tf.div(tf.sum(errors), tf.mul(tf.sum(hole), target.shape[3])) as tf.Scalar
  })
}

/** Mean colour of each image outside of its holes, the simplest filling: [batch, 1, 1, channels]. */
export function meanColour(images: tf.Tensor4D, hole: tf.Tensor4D): tf.Tensor4D {
  return tf.tidy(() => {
    const seen = tf.sub(1, hole)
    return tf.div(tf.sum(tf.mul(images, seen), [1, 2], true), tf.sum(seen, [1, 2], true)) as tf.Tensor4D
  })
}
