import type { ValueRange } from '@selfsup/core'
import type { ImageValues } from './values.js'

/** Fractions of the values that become 0 and 255. Single hot or dead pixels lie beyond them. */
const LOWEST = 0.001
const HIGHEST = 0.999

/** Number of pixels of each image that are looked at. */
const PIXELS = 16_384

/** Values of sampled images: one list for all bands together, or one for each. */
export class SampledValues {
  readonly #lists = new Map<number, Map<number, number[]>>()

  /** Number of images. */
  get images(): number {
    return this.#lists.size
  }

  /** The values of each band, of all images in the order of their positions. */
  lists(): Float64Array[] {
    const ordered = [...this.#lists].sort(([a], [b]) => a - b).map(([, lists]) => lists)
    const bands = Math.max(0, ...ordered.map((lists) => lists.size))
    return Array.from({ length: bands }, (_, band) =>
      Float64Array.from(ordered.flatMap((lists) => lists.get(band) ?? [])),
    )
  }

  add(
    position: number,
    { data, samples, alpha, missing }: ImageValues,
    bands: readonly number[],
    shared: boolean,
  ): void {
    const lists = new Map<number, number[]>()
    const pixels = data.length / samples
    const step = Math.max(1, Math.floor(pixels / PIXELS))
    const used = [...new Set(bands)]
    for (let pixel = 0; pixel < pixels; pixel += step) {
      if (alpha && data[pixel * samples + samples - 1] === 0) continue
      for (const [i, band] of used.entries()) {
        const value = data[pixel * samples + band]!
        if (!Number.isFinite(value) || value === missing) continue
        const key = shared ? 0 : i
        const list = lists.get(key)
        if (list) list.push(value)
        else lists.set(key, [value])
      }
    }
    if (lists.size > 0) this.#lists.set(position, lists)
  }
}

/** Percentiles of the sample. @returns undefined if it is empty */
export function rangeOfSample(sample: SampledValues): ValueRange | undefined {
  const sorted = sample.lists().map((list) => list.sort())
  if (sorted.length === 0 || sorted.some((list) => list.length === 0)) return undefined
  const at = (list: Float64Array, fraction: number) => list[Math.round(fraction * (list.length - 1))]!
  const low = sorted.map((list) => at(list, LOWEST))
  const high = sorted.map((list, i) => {
    const value = at(list, HIGHEST)
    return value > low[i]! ? value : low[i]! + 1
  })
  return { low, high }
}
