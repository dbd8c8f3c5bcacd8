import type { HostImages } from '@selfsup/core'
import { BLANK } from './light.js'
import { cellMeans, planesOf } from './pixels.js'

/** Images that occur more than once. */
export interface Duplicates {
  /** pairs of visually identical images, by their positions in the sample */
  readonly pairs: readonly (readonly [number, number])[]
  /** fraction of the sample's images that have a copy in the sample */
  readonly inSample: number
  /** estimated fraction of all images that have a copy anywhere; at most 1 */
  readonly estimate: number
}

/** Maximum number of differing hash bits between copies, which stronger compression or another size causes. */
const MOST_BITS = 6

/** Minimum correlation between copies of the brightness in 16 x 16 cells; different images of one kind have less. */
const LEAST_CORRELATION = 0.995

/** Maximum difference of the mean brightness of copies, 0..1. */
const MOST_SHIFT = 0.1

const CELLS = 16

/** Maximum number of recorded pairs: a thousand equal images have half a million. */
const MOST_PAIRS = 100_000

/**
 * Finds near-duplicates by a perceptual hash (differences between neighbouring cells, 64 bits: Krawetz 2013, dHash), followed by
 * a comparison of each pair cell by cell. Blank images are left out, since they all look alike.
 * @param images [count, side, side, 1 or 3]
 * @param all number of images in the dataset that these are a sample of
 */
export function duplicates(images: HostImages, all = images.shape[0]): Duplicates {
  const [count, side] = images.shape
  const hashes = new Uint32Array(count * 2)
  const looks: (Float32Array | undefined)[] = []
  const means = new Float32Array(count)
  for (let index = 0; index < count; index++) {
    const { brightness } = planesOf(images, index)
    const cells = cellMeans(brightness, side, Math.min(side, CELLS))
    const mean = cells.reduce((sum, value) => sum + value, 0) / cells.length
    const length = Math.sqrt(cells.reduce((sum, value) => sum + (value - mean) ** 2, 0))
    means[index] = mean
    looks.push(
      255 * length < BLANK * Math.sqrt(cells.length) ? undefined : cells.map((v) => (v - mean) / length),
    )
    hashes.set(differenceHash(brightness, side), 2 * index)
  }
  const pairs: [number, number][] = []
  const copied = new Set<number>()
  for (let i = 0; i < count; i++) {
    if (!looks[i]) continue
    for (let j = i + 1; j < count && pairs.length < MOST_PAIRS; j++) {
      const bits = ones(hashes[2 * i]! ^ hashes[2 * j]!) + ones(hashes[2 * i + 1]! ^ hashes[2 * j + 1]!)
      if (bits > MOST_BITS || Math.abs(means[i]! - means[j]!) > MOST_SHIFT) continue
      const [a, b] = [looks[i]!, looks[j]]
      if (!b || a.reduce((sum, value, cell) => sum + value * b[cell]!, 0) < LEAST_CORRELATION) continue
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

/** For each of 8 x 8 cells, whether it is darker than its right neighbour, as two 32-bit words. */
function differenceHash(brightness: Float32Array, side: number): [number, number] {
  const rows = 8
  const columns = 9
  const cells = new Float32Array(rows * columns)
  const counts = new Float32Array(rows * columns)
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) {
      const cell = Math.floor((y * rows) / side) * columns + Math.floor((x * columns) / side)
      cells[cell]! += brightness[y * side + x]!
      counts[cell]!++
    }
  const words: [number, number] = [0, 0]
  for (let bit = 0; bit < 64; bit++) {
    const cell = Math.floor(bit / 8) * columns + (bit % 8)
    const rises = cells[cell]! * counts[cell + 1]! < cells[cell + 1]! * counts[cell]! - 1e-4
    if (rises) words[bit >> 5]! |= 1 << (bit & 31)
  }
  return [words[0] >>> 0, words[1] >>> 0]
}

/** Number of set bits of a 32-bit word. */
function ones(word: number): number {
  let x = word - ((word >>> 1) & 0x55555555)
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333)
  return Math.imul((x + (x >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}
