import { type Boxes, resizedCrop } from '@selfsup/augment'
import { expected, ifAuto } from '@selfsup/core'
import { foldIn, randomUniform } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'

/** Rows and columns from a patch to each of its neighbours, by label: row by row from the top left. */
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

/** Pairs of patches in square images; all in pixels. */
export interface PairLayout {
  /** side of the images */
  readonly size: number
  /** side of a patch */
  readonly patch: number
  /** between a patch and its neighbour */
  readonly gap: number
  /** by which the neighbour is moved at most, up or down and to either side */
  readonly displacement: number
}

/** Patches [pairs, patch, patch, channels] and where the second lies from the first: int32 [pairs], as in `neighbours`. */
export interface PatchPairs {
  readonly first: tf.Tensor4D
  readonly second: tf.Tensor4D
  readonly labels: tf.Tensor1D
}

/**
 * The layout of pairs, of the paper's proportions where nothing else is asked for: patches of 96 of 256 pixels, a gap of half a
 * patch, a displacement of 7 of 96 (Doersch et al. 2015, arXiv:1505.05192).
 * @param given.patch auto: three eighths of the image, a multiple of 4 (above 64 of 16, as vision transformers have it), 8
 *   at least
 * @param given.gap, given.displacement auto: in proportion to the patch
 * @throws SelfsupError when two patches with gap and displacement do not fit into the image, or may overlap
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
    `relative-patch: a displacement of ${displacement} pixels would lay patches over one another, which are ${gap} apart; set displacement to at most gap`,
  )
  const needed = 2 * patch + gap + displacement
  expected(
    needed <= size,
    `relative-patch: two patches of ${patch} pixels, a gap of ${gap} and a displacement of ${displacement} need ${needed} pixels, and the pictures have ${size}; set a smaller patch or gap, or take larger pictures`,
  )
  return { size, patch, gap, displacement }
}

/** Sides that every backbone of @selfsup/backbones takes. */
export function multipleBelow(side: number): number {
  const step = side > 64 ? 16 : 4
  return Math.max(8, step * Math.floor(side / step))
}

/**
 * Pairs of patches: in which of eight directions the neighbour lies, by how much it is moved, and where in the
 * image both are, is drawn anew for each, each equally likely among what lies wholly within the image.
 * @param images [batch, size, size, channels]
 * @param pairs of each image
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
    /** Where first and second patch begin along one axis. */
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

/** Whole numbers from 0 to below `ways`, each equally likely, of numbers drawn from [0, 1). */
export function whole<T extends tf.Tensor>(drawn: T, ways: number | tf.Tensor): T {
  return tf.floor(tf.mul(drawn, ways)) as T
}
