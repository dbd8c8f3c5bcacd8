import type { ValueRange } from '@selfsup/core'
import { isVisible } from './to-pixels.js'
import type { ImageValues } from './values.js'

/** Fractions of the values that become 0 and 255. Single hot or dead pixels lie beyond them. */
const LOWEST = 0.001
const HIGHEST = 0.999

/** Number of values of each image that are looked at, of all bands together, and of each band if there are few. */
const VALUES = 131_072
const PIXELS = 16_384

/** Values of sampled images: one list for all bands together, or one for each. */
export class SampledValues {
  readonly #lists = new Map<number, number[][]>()

  /** Number of images. */
  get images(): number {
    return this.#lists.size
  }

  /** The values of each band, of all images in the order of their positions. */
  lists(): Float64Array[] {
    const ordered = [...this.#lists].sort(([a], [b]) => a - b).map(([, lists]) => lists)
    const bands = Math.max(0, ...ordered.map((lists) => lists.length))
    return Array.from({ length: bands }, (_, band) =>
      Float64Array.from(ordered.flatMap((lists) => lists[band] ?? [])),
    )
  }

  /**
   * Adds the values of an image.
   * @param bands numbers of the bands, each with a list of its own unless they share one
   */
  add(position: number, values: ImageValues, bands: readonly number[], shared: boolean): void {
    const { data, samples, width, missing } = values
    const lists = shared ? [[]] : bands.map((): number[] => [])
    const pixels = data.length / samples
    const step = distanceOf(pixels, width, Math.min(PIXELS, VALUES / bands.length))
    for (let pixel = 0; pixel < pixels; pixel += step) {
      if (!isVisible(values, pixel)) continue
      for (const [i, band] of bands.entries()) {
        const value = data[pixel * samples + band]!
        if (Number.isFinite(value) && value !== missing) lists[shared ? 0 : i]!.push(value)
      }
    }
    if (lists.some((list) => list.length > 0)) this.#lists.set(position, lists)
  }
}

/** Distance between the pixels to look at. Without a common divisor with the width, they lie in all columns. */
function distanceOf(pixels: number, width: number, wanted: number): number {
  let step = Math.max(1, Math.floor(pixels / wanted))
  while (commonDivisor(step, width) > 1) step++
  return step
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b)
}

/**
 * Percentiles of the sample. A band without values gets the range 0 to 1, because all its pixels are missing.
 * @returns undefined if the sample is empty
 */
export function rangeOfSample(sample: SampledValues): ValueRange | undefined {
  const sorted = sample.lists().map((list) => list.sort())
  if (sorted.length === 0) return undefined
  const at = (list: Float64Array, fraction: number) => list[Math.round(fraction * (list.length - 1))] ?? 0
  const low = sorted.map((list) => at(list, LOWEST))
  const high = sorted.map((list, i) => {
    const value = at(list, HIGHEST)
    return value > low[i]! ? value : low[i]! + 1
  })
  return { low, high }
}
