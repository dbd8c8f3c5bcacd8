import {
  type AnnotatedBox,
  type Annotation,
  derive,
  expected,
  type ImageDataset,
  uniforms,
} from '@selfsup/core'
import { recordDataset } from './record-dataset.js'

export interface CanvasOptions {
  /** side length of the images in pixels; default 64 */
  readonly size?: number
  /** number of images; default: the number of digits */
  readonly count?: number
  /** minimum and maximum number of digits in an image; default 1 to 3 */
  readonly digits?: readonly [number, number]
  /** smallest and largest scale of a digit; default 0.75 to 1.25 */
  readonly scale?: readonly [number, number]
  /** the same seed yields the same images; default 1 */
  readonly seed?: number
}

/** Minimum brightness of a pixel of a digit, of 255. */
const INK = 64
/** Attempts to place a digit before it is omitted: boxes must not overlap by more than a fifth of the smaller one. */
const TRIES = 8

/**
 * Places images such as MNIST's on a black canvas, with a bounding box for each digit, for object detection. An image depends
 * only on the digits, the seed and its index; its class is that of the first digit.
 * @param digits small grey images with classes, such as MNIST opened by `openImages`
 * @throws SelfsupError if the digits are not small, grey and labelled, or do not fit on the canvas
 */
export async function digitCanvas(
  digits: ImageDataset,
  {
    size = 64,
    count = digits.length,
    digits: range = [1, 3],
    scale = [0.75, 1.25],
    seed = 1,
  }: CanvasOptions = {},
): Promise<ImageDataset> {
  const labels = digits.labels()
  expected(
    digits.imageSize && digits.channels === 1 && labels,
    `digitCanvas: ${digits.name} must contain small grey images with classes, as MNIST does`,
  )
  const [height, width] = digits.imageSize
  const [fewest, most] = range
  expected(
    Number.isInteger(fewest) && Number.isInteger(most) && fewest >= 1 && most >= fewest,
    `digitCanvas: digits must be two ascending whole numbers of at least 1; got ${range}`,
  )
  expected(
    scale[0] > 0 && scale[1] >= scale[0] && Math.max(height, width) * scale[1] <= size,
    `digitCanvas: digits of ${height} x ${width} pixels, scaled by ${scale}, do not fit on ${size} pixels`,
  )
  expected(Number.isInteger(count) && count >= 1, `digitCanvas: count must be at least 1; got ${count}`)
  const pixels = await allPixels(digits)
  const sceneOf = (index: number): Placement[] => {
    const u = uniforms(derive([seed, 0xd161], index), 1 + most * (2 + 2 * TRIES))
    const wanted = fewest + Math.floor(u[0]! * (most - fewest + 1))
    const placed: Placement[] = []
    for (let number = 0; number < wanted; number++) {
      const draws = u.subarray(1 + number * (2 + 2 * TRIES))
      const digit = Math.floor(draws[0]! * digits.length)
      const zoom = scale[0] + (scale[1] - scale[0]) * draws[1]!
      const ink = inkOf(pixels, digit, height, width)
      for (let attempt = 0; attempt < TRIES; attempt++) {
        const left = Math.floor(draws[2 + 2 * attempt]! * (size - width * zoom + 1))
        const top = Math.floor(draws[3 + 2 * attempt]! * (size - height * zoom + 1))
        const box = boxOf(ink, left, top, zoom)
        if (placed.some((other) => overlaps(other.box, box))) continue
        placed.push({ digit, zoom, left, top, box })
        break
      }
    }
    return placed
  }
  const dataset = recordDataset({
    name: `${digits.name} on a canvas`,
    count,
    height: size,
    width: size,
    channels: 1,
    fingerprint: `canvas-1-${size}-${count}-${range}-${scale}-${seed}-${digits.fingerprint}`,
    classes: digits.classes,
    labels: Int32Array.from({ length: count }, (_, index) => labels[sceneOf(index)[0]!.digit]!),
    read(positions, target) {
      for (const [slot, position] of positions.entries())
        for (const each of sceneOf(position))
          draw(each, pixels, [height, width], target.subarray(slot * size * size, (slot + 1) * size * size))
    },
  })
  return {
    ...dataset,
    annotations(index): Annotation {
      const boxes: AnnotatedBox[] = sceneOf(index).map(({ digit, box }) => ({ label: labels[digit]!, box }))
      return { boxes }
    },
  }
}

/** A digit and its position on the canvas. */
interface Placement {
  /** index of the digit */
  readonly digit: number
  readonly zoom: number
  readonly left: number
  readonly top: number
  readonly box: AnnotatedBox['box']
}

async function allPixels(digits: ImageDataset): Promise<Uint8Array> {
  const [height, width] = digits.imageSize!
  const all = new Uint8Array(digits.length * height * width)
  let at = 0
  for await (const { images } of digits.batches({ batchSize: 1000 })) {
    all.set(images!.data, at)
    at += images!.data.length
  }
  return all
}

/** Box around a digit's strokes: [left, top, right, bottom], where right and bottom are exclusive. */
function inkOf(pixels: Uint8Array, digit: number, height: number, width: number): AnnotatedBox['box'] {
  let [left, top, right, bottom] = [width, height, 0, 0]
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      if (pixels[(digit * height + y) * width + x]! < INK) continue
      left = Math.min(left, x)
      right = Math.max(right, x + 1)
      top = Math.min(top, y)
      bottom = Math.max(bottom, y + 1)
    }
  return right > left ? [left, top, right, bottom] : [0, 0, width, height]
}

function boxOf(
  [left, top, right, bottom]: AnnotatedBox['box'],
  x: number,
  y: number,
  zoom: number,
): AnnotatedBox['box'] {
  return [x + left * zoom, y + top * zoom, (right - left) * zoom, (bottom - top) * zoom]
}

function overlaps([ax, ay, aw, ah]: AnnotatedBox['box'], [bx, by, bw, bh]: AnnotatedBox['box']): boolean {
  const width = Math.min(ax + aw, bx + bw) - Math.max(ax, bx)
  const height = Math.min(ay + ah, by + bh) - Math.max(ay, by)
  return width > 0 && height > 0 && width * height > 0.2 * Math.min(aw * ah, bw * bh)
}

/** Draws a digit with bilinear interpolation; where digits overlap, the brighter pixel is used. */
function draw(
  { digit, zoom, left, top }: Placement,
  pixels: Uint8Array,
  [height, width]: readonly [number, number],
  canvas: Uint8Array,
): void {
  const size = Math.sqrt(canvas.length)
  const at = (x: number, y: number) =>
    x < 0 || y < 0 || x >= width || y >= height ? 0 : pixels[(digit * height + y) * width + x]!
  for (let row = top; row < Math.min(size, top + height * zoom); row++) {
    for (let column = left; column < Math.min(size, left + width * zoom); column++) {
      const [x, y] = [(column - left + 0.5) / zoom - 0.5, (row - top + 0.5) / zoom - 0.5]
      const [x0, y0] = [Math.floor(x), Math.floor(y)]
      const [fx, fy] = [x - x0, y - y0]
      const upper = at(x0, y0) * (1 - fx) + at(x0 + 1, y0) * fx
      const lower = at(x0, y0 + 1) * (1 - fx) + at(x0 + 1, y0 + 1) * fx
      const value = Math.round(upper * (1 - fy) + lower * fy)
      const place = row * size + column
      if (value > canvas[place]!) canvas[place] = value
    }
  }
}
