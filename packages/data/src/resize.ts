import type { CropBox } from '@selfsup/core'
import type { Pixels } from './pixels.js'

/** For each output position: the first input position, the number of input positions, and their weights. */
interface Taps {
  readonly first: Int32Array
  readonly counts: Int32Array
  /** [output][tap], sums to 1 */
  readonly weights: Float32Array
  readonly most: number
}

/** Weights of bilinear interpolation, widened by the scale factor for reduction (torchvision's antialias). */
function triangleTaps(from: number, to: number): Taps {
  const scale = from / to
  const support = Math.max(1, scale)
  const most = Math.ceil(support) * 2 + 1
  const first = new Int32Array(to)
  const counts = new Int32Array(to)
  const weights = new Float32Array(to * most)
  for (let out = 0; out < to; out++) {
    const centre = scale * (out + 0.5)
    const start = Math.max(0, Math.floor(centre - support + 0.5))
    const end = Math.min(from, Math.floor(centre + support + 0.5))
    let sum = 0
    for (let tap = start; tap < end; tap++) {
      const weight = Math.max(0, 1 - Math.abs((tap - centre + 0.5) / support))
      weights[out * most + tap - start] = weight
      sum += weight
    }
    for (let tap = 0; tap < end - start; tap++) weights[out * most + tap]! /= sum
    first[out] = start
    counts[out] = end - start
  }
  return { first, counts, weights, most }
}

/**
 * Cuts a box out of an image and resizes it to size x size like torchvision's resized_crop: bilinear with antialiasing, first
 * along rows, then along columns.
 */
export function resizedCrop(image: Pixels, box: CropBox, size: number, channels: number): Uint8Array {
  const columns = triangleTaps(box.width, size)
  const rows = triangleTaps(box.height, size)
  const across = new Float32Array(box.height * size * channels)
  if (channels === 3) narrow3(image, box, size, columns, across)
  else if (channels === 1) narrow1(image, box, size, columns, across)
  else narrow(image, box, size, columns, across, channels)
  const stride = size * channels
  const result = new Uint8Array(size * stride)
  const sums = new Float32Array(stride)
  for (let row = 0; row < size; row++) {
    sums.fill(0.5)
    for (let tap = 0; tap < rows.counts[row]!; tap++) {
      const weight = rows.weights[row * rows.most + tap]!
      const from = (rows.first[row]! + tap) * stride
      for (let i = 0; i < stride; i++) sums[i]! += weight * across[from + i]!
    }
    const to = row * stride
    for (let i = 0; i < stride; i++) result[to + i] = sums[i]!
  }
  return result
}

function narrow3({ data, width }: Pixels, box: CropBox, size: number, taps: Taps, into: Float32Array): void {
  const { first, counts, weights, most } = taps
  for (let row = 0, to = 0; row < box.height; row++) {
    const start = ((box.top + row) * width + box.left) * 3
    for (let column = 0; column < size; column++, to += 3) {
      let from = start + first[column]! * 3
      let [r, g, b] = [0, 0, 0]
      const end = column * most + counts[column]!
      for (let tap = column * most; tap < end; tap++, from += 3) {
        const weight = weights[tap]!
        r += weight * data[from]!
        g += weight * data[from + 1]!
        b += weight * data[from + 2]!
      }
      into[to] = r
      into[to + 1] = g
      into[to + 2] = b
    }
  }
}

function narrow1({ data, width }: Pixels, box: CropBox, size: number, taps: Taps, into: Float32Array): void {
  const { first, counts, weights, most } = taps
  for (let row = 0, to = 0; row < box.height; row++) {
    const start = (box.top + row) * width + box.left
    for (let column = 0; column < size; column++, to++) {
      let sum = 0
      for (let tap = 0; tap < counts[column]!; tap++) {
        sum += weights[column * most + tap]! * data[start + first[column]! + tap]!
      }
      into[to] = sum
    }
  }
}

function narrow(
  { data, width }: Pixels,
  box: CropBox,
  size: number,
  taps: Taps,
  into: Float32Array,
  channels: number,
): void {
  const { first, counts, weights, most } = taps
  for (let row = 0, to = 0; row < box.height; row++) {
    const start = ((box.top + row) * width + box.left) * channels
    for (let column = 0; column < size; column++, to += channels) {
      let from = start + first[column]! * channels
      const end = column * most + counts[column]!
      for (let tap = column * most; tap < end; tap++, from += channels) {
        const weight = weights[tap]!
        for (let channel = 0; channel < channels; channel++)
          into[to + channel]! += weight * data[from + channel]!
      }
    }
  }
}
