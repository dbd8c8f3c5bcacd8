import type { HostImages } from '@selfsup/core'
import { planesOf } from './pixels.js'

/** How bright pictures are, and how much is in them; brightness 0..255. */
export interface Light {
  /** median over pictures of the mean brightness */
  readonly brightness: number
  /** median over pictures of the deviation of brightness */
  readonly contrast: number
  /** part of the pictures that are one colour: nothing in them */
  readonly blank: number
  /** part of crops of 8 % of the area, as SimCLR's smallest, that have nothing in them though their picture has */
  readonly emptyCrops: number
}

/** Below this deviation of brightness, of 255, there is nothing to be seen. */
export const BLANK = 2

/** Below this part of its picture's deviation a crop shows nothing of it. */
const EMPTY = 0.1

/** Side of SimCLR's smallest crops as part of the picture's: 8 % of the area. */
const CROP = Math.sqrt(0.08)

const CROPS = 4

/** @param images [pictures, side, side, 1 or 3] */
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

/** The middle one; 0 of none. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
