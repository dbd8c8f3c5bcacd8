import { expected } from '@selfsup/core'
import { randomUniform } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'

/**
 * Side of square holes that together take a part of a image.
 * @param size of the image in pixels
 * @param part of its area, within (0, 1)
 * @throws SelfsupError when such a hole has less than a pixel, or leaves nothing of the image
 */
export function holeSide(where: string, size: number, part: number, holes = 1): number {
  const side = Math.round(size * Math.sqrt(part / holes))
  expected(
    side >= 1 && side < size,
    `${where}: ${holes === 1 ? 'a hole' : `${holes} holes`} of ${part} of a picture of ${size} pixels would have a side of ${side}; take another part or larger pictures`,
  )
  return side
}

/**
 * A square hole in the middle.
 * @returns [batch, size, size, 1], 1 in the hole, else 0
 */
export function centreHole(batch: number, size: number, side: number): tf.Tensor4D {
  return tf.tidy(() => {
    const start = Math.floor((size - side) / 2)
    const inside = spans(tf.fill([batch, 1], start), size, side)
    return outer(inside, inside)
  })
}

/**
 * Square holes anywhere in the image; they may overlap.
 * @param seed int32 [2]
 * @returns [batch, size, size, 1], 1 in a hole, else 0
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

/** [batch, holes, size]: 1 from each start on, `side` times. */
function spans(starts: tf.Tensor2D, size: number, side: number): tf.Tensor3D {
  const from = tf.expandDims(starts, 2)
  const places = tf.reshape(tf.range(0, size), [1, 1, size])
  const inside = tf.logicalAnd(tf.greaterEqual(places, from), tf.less(places, tf.add(from, side)))
  return tf.cast(inside, 'float32') as tf.Tensor3D
}

/** Where any of the rectangles is: [batch, size, size, 1]. */
function outer(rows: tf.Tensor3D, columns: tf.Tensor3D): tf.Tensor4D {
  return tf.expandDims(tf.minimum(tf.matMul(rows, columns, true), 1), 3) as tf.Tensor4D
}

/**
 * Mean squared error within holes; what is made elsewhere counts nothing, and has no gradient.
 * @param made, target [batch, height, width, channels]
 * @param hole [batch, height, width, 1], 1 or 0
 */
export function holeError(made: tf.Tensor4D, target: tf.Tensor4D, hole: tf.Tensor4D): tf.Scalar {
  return tf.tidy(() => {
    const errors = tf.mul(tf.squaredDifference(made, target), hole)
    return tf.div(tf.sum(errors), tf.mul(tf.sum(hole), target.shape[3])) as tf.Scalar
  })
}

/** Images of the mean colour that is seen around each one's holes, the plainest filling: [batch, 1, 1, channels]. */
export function meanColour(images: tf.Tensor4D, hole: tf.Tensor4D): tf.Tensor4D {
  return tf.tidy(() => {
    const seen = tf.sub(1, hole)
    return tf.div(tf.sum(tf.mul(images, seen), [1, 2], true), tf.sum(seen, [1, 2], true)) as tf.Tensor4D
  })
}
