import type { HostImages } from '@selfsup/core'
import { lookAlike, looksOf } from './looks.js'

/** Images that occur more than once. */
export interface Duplicates {
  /** pairs of visually identical images, by their positions in the sample */
  readonly pairs: readonly (readonly [number, number])[]
  /** fraction of the sample's images that have a copy in the sample */
  readonly inSample: number
  /** estimated fraction of all images that have a copy anywhere; at most 1 */
  readonly estimate: number
}

/** Maximum number of recorded pairs: a thousand equal images have half a million. */
const MOST_PAIRS = 100_000

/**
 * Finds near-duplicates by a perceptual hash (differences between neighbouring cells, 64 bits: Krawetz 2013, dHash), followed by
 * a comparison of each pair cell by cell. Blank images are left out, since they all look alike.
 * @param images [count, side, side, 1 or 3]
 * @param all number of images in the dataset that these are a sample of
 */
export function duplicates(images: HostImages, all = images.shape[0]): Duplicates {
  const [count] = images.shape
  const looks = looksOf(images)
  const pairs: [number, number][] = []
  const copied = new Set<number>()
  for (let i = 0; i < count; i++) {
    if (!looks.cells[i]) continue
    for (let j = i + 1; j < count && pairs.length < MOST_PAIRS; j++) {
      if (!lookAlike(looks, i, looks, j)) continue
      pairs.push([i, j])
      copied.add(i)
      copied.add(j)
    }
  }
  const inSample = copied.size / Math.max(1, count)
  // The probability that an image's copy is in the sample is the sample's fraction of the dataset.
  const estimate = Math.min(1, (inSample * Math.max(0, all - 1)) / Math.max(1, count - 1))
  return { pairs, inSample, estimate }
}
