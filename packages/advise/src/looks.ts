import type { HostImages } from '@selfsup/core'
import { BLANK } from './light.js'
import { cellMeans, planesOf } from './pixels.js'

/** Maximum number of differing hash bits between copies, which stronger compression or another size causes. */
const MOST_BITS = 6

/** Minimum correlation between copies of the brightness in 16 x 16 cells; different images of one kind have less. */
const LEAST_CORRELATION = 0.995

/** Maximum difference of the mean brightness of copies, 0..1. */
const MOST_SHIFT = 0.1

const CELLS = 16

/** What copies of an image have in common. */
export interface Looks {
  /** differences between neighbouring cells as 64 bits, two words per image (Krawetz 2013, dHash) */
  readonly hashes: Uint32Array
  /** mean brightness, 0..1 */
  readonly means: Float32Array
  /** brightness of cells with mean 0 and length 1; undefined for a blank image, since blank images all look alike */
  readonly cells: readonly (Float32Array | undefined)[]
}

/** @param images [count, side, side, 1 or 3] */
export function looksOf(images: HostImages): Looks {
  const [count, side] = images.shape
  const hashes = new Uint32Array(count * 2)
  const cells: (Float32Array | undefined)[] = []
  const means = new Float32Array(count)
  for (let index = 0; index < count; index++) {
    const { brightness } = planesOf(images, index)
    const values = cellMeans(brightness, side, Math.min(side, CELLS))
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    const length = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0))
    means[index] = mean
    cells.push(
      255 * length < BLANK * Math.sqrt(values.length) ? undefined : values.map((v) => (v - mean) / length),
    )
    hashes.set(differenceHash(brightness, side), 2 * index)
  }
  return { hashes, means, cells }
}

/** Whether image i of some images and image j of others, or the same, are visually identical. */
export function lookAlike(some: Looks, i: number, others: Looks, j: number): boolean {
  const bits =
    ones(some.hashes[2 * i]! ^ others.hashes[2 * j]!) +
    ones(some.hashes[2 * i + 1]! ^ others.hashes[2 * j + 1]!)
  if (bits > MOST_BITS || Math.abs(some.means[i]! - others.means[j]!) > MOST_SHIFT) return false
  const [a, b] = [some.cells[i], others.cells[j]]
  return Boolean(a && b) && a!.reduce((sum, value, cell) => sum + value * b![cell]!, 0) >= LEAST_CORRELATION
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
