import type { HostImages } from '@selfsup/core'
import { planesOf } from './pixels.js'

/** Brightness and content of images; brightness 0..255. */
export interface Light {
  /** median over the images of the mean brightness */
  readonly brightness: number
  /** median over the images of the standard deviation of the brightness */
  readonly contrast: number
  /** fraction of images of a single colour */
  readonly blank: number
  /** fraction of crops of 8 % of the area (SimCLR's smallest) that are empty although their image is not */
  readonly emptyCrops: number
}

/** Standard deviation of the brightness, of 255, below which an image is blank. */
export const BLANK = 2

/** A crop is empty if its standard deviation is below this fraction of its image's. */
const EMPTY = 0.1

/** Side of SimCLR's smallest crops as a fraction of the image's side: 8 % of the area. */
const CROP = Math.sqrt(0.08)

const CROPS = 4

/** @param images [count, side, side, 1 or 3] */
export function light(images: HostImages): Light {
  const [count, side] = images.shape
  if (count === 0) return { brightness: 0, contrast: 0, blank: 0, emptyCrops: 0 }
  const size = Math.max(2, Math.round(side * CROP))
  const starts = Array.from({ length: CROPS }, (_, i) => Math.round((i * (side - size)) / (CROPS - 1)))
  const means: number[] = []
  const deviations: number[] = []
  let [blank, crops, empty] = [0, 0, 0]
  for (let index = 0; index < count; index++) {
    const { brightness } = planesOf(images, index)
    const whole = momentsOf(brightness, side, 0, 0, side)
    means.push(whole.mean)
    deviations.push(whole.deviation)
    if (whole.deviation < BLANK) {
      blank++
      continue
    }
    for (const top of starts)
      for (const left of starts) {
        crops++
        if (momentsOf(brightness, side, top, left, size).deviation < EMPTY * whole.deviation) empty++
      }
  }
  return {
    brightness: median(means),
    contrast: median(deviations),
    blank: blank / count,
    emptyCrops: empty / Math.max(1, crops),
  }
}

/** Whether image number `index` has a single colour. */
export function isBlank(images: HostImages, index: number): boolean {
  const { side, brightness } = planesOf(images, index)
  return momentsOf(brightness, side, 0, 0, side).deviation < BLANK
}

function momentsOf(plane: Float32Array, side: number, top: number, left: number, size: number) {
  let [sum, squares] = [0, 0]
  for (let y = top; y < top + size; y++)
    for (let x = left; x < left + size; x++) {
      const value = 255 * plane[y * side + x]!
      sum += value
      squares += value * value
    }
  const mean = sum / size ** 2
  return { mean, deviation: Math.sqrt(Math.max(0, squares / size ** 2 - mean * mean)) }
}

/** The upper median; 0 if there are no values. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
