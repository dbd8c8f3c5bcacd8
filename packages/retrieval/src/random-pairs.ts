import { expected } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { ComparableImages } from './comparable-images.js'

/** Similarities of random pairs of an index's images. Compare other similarities with them. */
export interface RandomPairs {
  readonly pairs: number
  /** half of the pairs are less similar */
  readonly median: number
  /** 99 % of the pairs are less similar */
  readonly p99: number
}

export interface RandomPairsOptions {
  /** number of images, all pairs of which are compared; default 512, which makes 130,816 pairs */
  readonly images?: number
  /** default 1 */
  readonly seed?: number
}

/**
 * Similarities of random pairs of images. Features of a trained network have similarities far below 1 for different images. If
 * the network is barely trained or has collapsed, or all images look alike, the similarity of any two images is close to 1.
 * @returns undefined if the index has fewer than two images
 */
export async function randomPairs(
  index: Pick<ComparableImages, 'sample'>,
  { images = 512, seed = 1 }: RandomPairsOptions = {},
): Promise<RandomPairs | undefined> {
  expected(
    Number.isInteger(images) && images >= 2,
    `randomPairs: images must be a whole number of at least 2; got ${images}`,
  )
  const { values, paths } = await index.sample(images, seed)
  const count = paths.length
  if (count < 2) return undefined
  const similarities = tf.tidy(() => {
    const rows = tf.tensor2d(values, [count, values.length / count])
    return tf.matMul(rows, rows, false, true)
  })
  const all = await similarities.data<'float32'>()
  similarities.dispose()
  const upper = new Float32Array((count * (count - 1)) / 2)
  let at = 0
  for (let row = 0; row < count; row++)
    for (let column = row + 1; column < count; column++) upper[at++] = all[row * count + column]!
  upper.sort()
  const quantile = (part: number) => Math.min(1, upper[Math.min(at - 1, Math.floor(part * at))]!)
  return { pairs: at, median: quantile(0.5), p99: quantile(0.99) }
}

/** Maximum distance of near-duplicates, as a fraction of the median distance of random pairs. */
const PART = 1 / 50

/**
 * The lowest similarity of near-duplicates: their distance (1 - similarity) is at most a fiftieth of the median distance of
 * random pairs. 0.98 if random pairs have a median similarity of 0, 0.99 if 0.5, and 0.9999 if 0.995.
 */
export function duplicateThreshold({ median }: Pick<RandomPairs, 'median'>): number {
  return 1 - PART * (1 - median)
}

/** Median similarity of random pairs above which features hardly distinguish images. */
const INDISTINCT = 0.9

/**
 * Whether features hardly tell images apart: random pairs have a median similarity above 0.9. The network is barely trained
 * or has collapsed, or the images are nearly all alike; similarities are then no evidence that two images belong together.
 */
export function areIndistinct({ median }: Pick<RandomPairs, 'median'>): boolean {
  return median > INDISTINCT
}
