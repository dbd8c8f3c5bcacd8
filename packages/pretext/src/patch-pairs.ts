import { type Boxes, resizedCrop } from '@selfsup/augment'
import { expected, ifAuto } from '@selfsup/core'
import { foldIn, randomUniform } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'

/** Offset in rows and columns from a patch to each neighbour, by label: row by row from the top left. */
export const neighbours: readonly (readonly [number, number])[] = [
  [-1, -1],
  [-1, 0],
  [-1, 1],
  [0, -1],
  [0, 1],
  [1, -1],
  [1, 0],
  [1, 1],
]

/** Layout of pairs of patches in square images, in pixels. */
export interface PairLayout {
  /** side of the images */
  readonly size: number
  /** side of a patch */
  readonly patch: number
  /** gap between a patch and its neighbour */
  readonly gap: number
  /** largest random shift of the neighbour, vertically and horizontally */
  readonly displacement: number
}

/** Patches [pairs, patch, patch, channels], and the direction from the first to the second: int32 [pairs], indices of `neighbours`. */
export interface PatchPairs {
  readonly first: tf.Tensor4D
  readonly second: tf.Tensor4D
  readonly labels: tf.Tensor1D
}

/**
 * Computes the layout of pairs. Defaults are the paper's proportions: patches of 96 in images of 256 pixels, a gap of half a
 * patch, a displacement of 7/96 of a patch (Doersch et al. 2015, arXiv:1505.05192).
 * @param given.patch auto: 3/8 of the image, at least 8, rounded down to a multiple of 4 (of 16 above 64, for vision
 *   transformers)
 * @param given.gap, given.displacement auto: in proportion to the patch
 * @throws SelfsupError if two patches with gap and displacement do not fit into the image, or could overlap
 */
export function pairLayout(
  size: number,
  given: Readonly<Record<'patch' | 'gap' | 'displacement', number | 'auto'>>,
): PairLayout {
  const patch = ifAuto(given.patch, multipleBelow((3 * size) / 8))
  const gap = ifAuto(given.gap, Math.floor(patch / 2))
  const displacement = ifAuto(given.displacement, Math.min(gap, Math.round((7 * patch) / 96)))
  expected(
    displacement <= gap,
    `relative-patch: a displacement of ${displacement} pixels with a gap of ${gap} could make patches overlap; set displacement to at most the gap`,
  )
  const needed = 2 * patch + gap + displacement
  expected(
    needed <= size,
    `relative-patch: two patches of ${patch} pixels, a gap of ${gap} and a displacement of ${displacement} need ${needed} pixels, but the images have ${size}; set a smaller patch or gap, or use larger images`,
  )
  return { size, patch, gap, displacement }
}

/** Largest side up to `side` that every backbone of @selfsup/backbones accepts; at least 8. */
export function multipleBelow(side: number): number {
  const step = side > 64 ? 16 : 4
  return Math.max(8, step * Math.floor(side / step))
}

/**
 * Cuts random pairs of patches. Direction, displacement and position are drawn uniformly for each pair, such that both
 * patches are inside the image.
 * @param images [batch, size, size, channels]
 * @param pairs number of pairs per image
 * @param seed int32 [2]
 * @returns float32; the first pair of every image, then the second of every image, and so on
 */
export function cutPairs(
  images: tf.Tensor4D,
  layout: PairLayout,
  pairs: number,
  seed: tf.Tensor1D,
): PatchPairs {
  const { size, patch, gap, displacement } = layout
  const count = images.shape[0] * pairs
  return tf.tidy(() => {
    const draw = (stream: number) => randomUniform<tf.Rank.R1>([count], foldIn(seed, stream))
    const labels = tf.cast(whole(draw(0), neighbours.length), 'int32')
    /** Start of the first and second patch along one axis. */
    const along = (axis: 0 | 1) => {
      const steps = tf.gather(tf.tensor1d(neighbours.map((direction) => direction[axis])), labels)
      const moved = tf.sub(whole(draw(1 + 2 * axis), 2 * displacement + 1), displacement)
      const shift = tf.add(tf.mul(steps, patch + gap), moved)
      const room = tf.sub(size - patch + 1, tf.abs(shift))
      const first = tf.add(whole(draw(2 + 2 * axis), room), tf.relu(tf.neg(shift)))
      return [first, tf.add(first, shift)] as [tf.Tensor1D, tf.Tensor1D]
    }
    const [tops, lefts] = [along(0), along(1)]
    const side = tf.fill([2 * count], patch) as tf.Tensor1D
    const boxes: Boxes = { top: tf.concat(tops), left: tf.concat(lefts), height: side, width: side }
    const [first, second] = tf.split(resizedCrop(images, boxes, patch), 2) as [tf.Tensor4D, tf.Tensor4D]
    return { first, second, labels: labels as tf.Tensor1D }
  })
}

/** Maps uniform numbers in [0, 1) to integers from 0 to `ways` - 1. */
export function whole<T extends tf.Tensor>(drawn: T, ways: number | tf.Tensor): T {
  return tf.floor(tf.mul(drawn, ways)) as T
}
