import type { HostImages } from '@selfsup/core'
import { BLANK } from './light.js'
import { cellMeans, planesOf } from './pixels.js'

/** An image that looks unlike all others. */
export interface Outlier {
  /** position in the sample */
  readonly image: number
  /** mean distance to the five nearest images, divided by the median of all images' */
  readonly distance: number
}

const [CELLS, NEIGHBOURS] = [8, 5]
/** Images are compared with at most this many others. */
const MOST_OTHERS = 1000
/** Fewer images say nothing about what is usual. */
const FEWEST = 20

/**
 * Finds images whose colours in 8 x 8 cells are far from those of all others: the mean distance to the five nearest images
 * (Ramaswamy et al. 2000) is above the upper quartile of all images by more than three times the distance between the quartiles
 * (Tukey 1977: far out). Blank images are left out.
 * @param images [count, side, side, 1 or 3]
 * @returns the farthest first
 */
export function outliers(images: HostImages): Outlier[] {
  const [count] = images.shape
  const cells = Array.from({ length: count }, (_, index) => cellsOf(images, index))
  const known = [...cells.keys()].filter((image) => cells[image])
  if (known.length < FEWEST) return []
  const others = spread(known, MOST_OTHERS)
  const distances = known.map((image) => meanDistance(cells, image, others))
  const sorted = [...distances].sort((a, b) => a - b)
  const quantile = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]!
  const [lower, middle, upper] = [quantile(0.25), quantile(0.5), quantile(0.75)]
  const limit = upper + 3 * (upper - lower)
  return known
    .flatMap((image, i) =>
      distances[i]! > limit && limit > 0 ? [{ image, distance: distances[i]! / middle }] : [],
    )
    .sort((a, b) => b.distance - a.distance)
}

/** Brightness and colours of the cells; undefined for a blank image. */
function cellsOf(images: HostImages, index: number): Float32Array | undefined {
  const { side, brightness, redGreen, blueYellow } = planesOf(images, index)
  const planes = [brightness, redGreen, blueYellow].filter((plane) => plane !== undefined)
  const cells = planes.map((plane) => cellMeans(plane, side, Math.min(side, CELLS)))
  const mean = brightness.reduce((sum, value) => sum + value, 0) / brightness.length
  const variance = brightness.reduce((sum, value) => sum + (value - mean) ** 2, 0) / brightness.length
  if (255 * Math.sqrt(variance) < BLANK) return undefined
  const all = new Float32Array(cells.length * cells[0]!.length)
  for (const [i, values] of cells.entries()) all.set(values, i * values.length)
  return all
}

function meanDistance(
  cells: readonly (Float32Array | undefined)[],
  image: number,
  others: readonly number[],
): number {
  const own = cells[image]!
  const nearest: number[] = []
  for (const other of others) {
    if (other === image) continue
    const values = cells[other]!
    let sum = 0
    for (let i = 0; i < own.length; i++) sum += (own[i]! - values[i]!) ** 2
    if (nearest.length === NEIGHBOURS && sum >= nearest.at(-1)!) continue
    nearest.push(sum)
    nearest.sort((a, b) => a - b)
    nearest.length = Math.min(NEIGHBOURS, nearest.length)
  }
  return nearest.reduce((sum, square) => sum + Math.sqrt(square), 0) / nearest.length
}

/** At most `most` evenly spaced items. */
function spread(items: readonly number[], most: number): number[] {
  const count = Math.min(most, items.length)
  return Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)]!)
}
