import type { HostImages, Resampling } from '@selfsup/core'
import type { Pixels } from './pixels.js'

/** PIL's fixed-point weights have this many bits after the point. */
const ONE = 2 ** 22

/** Filters of PIL: half the width of their support, and their values. */
const filters = {
  bilinear: { support: 1, at: (x: number) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: {
    support: 2,
    /** cubic convolution with a = -0.5 (Keys 1981) */
    at(x: number) {
      const t = Math.abs(x)
      if (t < 1) return (1.5 * t - 2.5) * t * t + 1
      return t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0
    },
  },
}

/** For each output value: the first input value and the weights of it and of those that follow. */
interface Tap {
  readonly first: number
  readonly weights: readonly number[]
}

/** Weights of the outputs `start` to `start + count` when `from` values become `to`. */
function taps(
  from: number,
  to: number,
  [start, count]: readonly [number, number],
  interpolation: Resampling['interpolation'],
): Tap[] {
  const filter = filters[interpolation]
  const scale = from / to
  const width = Math.max(1, scale)
  return Array.from({ length: count }, (_, i) => {
    const centre = (start + i + 0.5) * scale
    const first = Math.max(0, Math.trunc(centre - filter.support * width + 0.5))
    const end = Math.min(from, Math.trunc(centre + filter.support * width + 0.5))
    const values = Array.from({ length: end - first }, (_, j) =>
      filter.at((first + j - centre + 0.5) / width),
    )
    const sum = values.reduce((a, b) => a + b, 0)
    const weights = values.map((value) => {
      const fixed = (value / sum) * ONE
      return Math.trunc(fixed < 0 ? fixed - 0.5 : fixed + 0.5)
    })
    return { first, weights }
  })
}

/** Position of a central part of `size`, as torchvision's CenterCrop: half a pixel is rounded to the even number. */
function centred(length: number, size: number): number {
  const half = (length - size) / 2
  const rounded = Math.round(half)
  return rounded - half === 0.5 && rounded % 2 === 1 ? rounded - 1 : rounded
}

/**
 * Resizes the shorter side of an image and cuts out the central square, with the same bytes as torchvision's `Resize` and
 * `CenterCrop` of a PIL image: antialiased, first along rows and then along columns, each rounded to whole values.
 * @param resampling its shorter side must be at least `size`
 * @returns [size, size, channels]
 */
export function resample(
  { data, width, height }: Pixels,
  size: number,
  channels: number,
  { shorterSide, interpolation }: Resampling,
): Uint8Array {
  const long = (side: number, other: number) =>
    side <= other ? shorterSide : Math.trunc((shorterSide * side) / other)
  const [columns, rows] = [long(width, height), long(height, width)]
  const across = taps(width, columns, [centred(columns, size), size], interpolation)
  const down = taps(height, rows, [centred(rows, size), size], interpolation)
  const top = down[0]!.first
  const bottom = down.at(-1)!.first + down.at(-1)!.weights.length
  const stride = size * channels
  const narrow = new Uint8ClampedArray((bottom - top) * stride)
  for (let row = top; row < bottom; row++)
    for (const [column, { first, weights }] of across.entries())
      for (let channel = 0; channel < channels; channel++) {
        let at = (row * width + first) * channels + channel
        let sum = ONE / 2
        for (const weight of weights) {
          sum += weight * data[at]!
          at += channels
        }
        narrow[(row - top) * stride + column * channels + channel] = Math.floor(sum / ONE)
      }
  const result = new Uint8ClampedArray(size * stride)
  for (const [row, { first, weights }] of down.entries())
    for (let i = 0; i < stride; i++) {
      let at = (first - top) * stride + i
      let sum = ONE / 2
      for (const weight of weights) {
        sum += weight * narrow[at]!
        at += stride
      }
      result[row * stride + i] = Math.floor(sum / ONE)
    }
  return new Uint8Array(result.buffer)
}

/** Resamples all images of a batch; images of this size that need no larger one around them are unchanged. */
export function resampleImages(images: HostImages, size: number, resampling: Resampling): HostImages {
  const [count, height, width, channels] = images.shape
  if (height === size && width === size && resampling.shorterSide === size) return images
  const data = new Uint8Array(count * size * size * channels)
  const bytes = height * width * channels
  for (let i = 0; i < count; i++) {
    const image = { data: images.data.subarray(i * bytes, (i + 1) * bytes), width, height }
    data.set(resample(image, size, channels, resampling), i * size * size * channels)
  }
  return { data, shape: [count, size, size, channels] }
}
