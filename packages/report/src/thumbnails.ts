import { displayedImages, expected, type HostImages, type ImageDataset } from '@selfsup/core'
import sharp from 'sharp'
import type { Atlas } from './page-data.js'

/** Maximum side of a thumbnail in pixels. */
const LARGEST_CELL = 64
/** Batch size: images of different sizes are decoded and cropped in one batch. */
const BATCH = 128
/** Maximum side of a WebP image. */
const LONGEST_SIDE = 16_383

/**
 * Creates thumbnails of images of a dataset, in one WebP image.
 * @param positions positions in any order; duplicates and positions outside the dataset are ignored
 * @throws SelfsupError if none of the images can be read
 */
export async function thumbnails(
  dataset: ImageDataset,
  positions: Iterable<number>,
  signal?: AbortSignal,
): Promise<Atlas> {
  const wanted = [...new Set(positions)].filter((i) => i >= 0 && i < dataset.length).sort((a, b) => a - b)
  const order = Uint32Array.from(wanted.slice(0, mostCells(LARGEST_CELL)))
  expected(order.length > 0, `${dataset.name} contains none of the requested images`)
  const [height = LARGEST_CELL, width = LARGEST_CELL] = dataset.imageSize ?? []
  const cell = Math.min(LARGEST_CELL, Math.max(height, width))
  const columns = Math.ceil(Math.sqrt(order.length))
  const rows = Math.ceil(order.length / columns)
  const pixels = new Uint8Array(rows * cell * columns * cell * 3)
  const sheet = { pixels, width: columns * cell, cell }
  const found: { position: number; label: number }[] = []
  for await (const batch of dataset.batches({ batchSize: BATCH, order, size: cell, signal })) {
    if (!batch.images) continue
    const images = await squares(batch.images, cell)
    for (let i = 0; i < batch.indices.length; i++) {
      const number = found.length
      if (number >= rows * columns) break
      paste(images, i, sheet, (number % columns) * cell, Math.floor(number / columns) * cell)
      found.push({ position: batch.indices[i]!, label: batch.labels[i]! })
    }
  }
  expected(found.length > 0, `${dataset.name}: none of the requested images could be read`)
  const webp = await sharp(pixels, { raw: { width: columns * cell, height: rows * cell, channels: 3 } })
    .webp({ quality: 85 })
    .toBuffer()
  return {
    src: `data:image/webp;base64,${webp.toString('base64')}`,
    columns,
    rows,
    cell,
    fingerprint: dataset.fingerprint,
    positions: found.map(({ position }) => position),
    labels: found.map(({ label }) => label),
    classes: dataset.classes,
  }
}

interface Sheet {
  readonly pixels: Uint8Array
  /** width of the whole sheet, in pixels */
  readonly width: number
  readonly cell: number
}

function mostCells(cell: number): number {
  return Math.floor(LONGEST_SIDE / cell) ** 2
}

/** Central squares of the images, resized to one side, with three channels. */
async function squares(images: HostImages, side: number): Promise<Uint8Array> {
  const { data, shape } = displayedImages(images)
  const [count, height, width, channels] = shape
  const size = height * width * channels
  if (height === side && width === side && channels === 3) return data
  const square = (i: number) =>
    sharp(data.subarray(i * size, (i + 1) * size), { raw: { width, height, channels: channels as 1 | 3 } })
      .resize(side, side, { fit: 'cover' })
      .toColourspace('srgb')
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true })
  const all = new Uint8Array(count * side * side * 3)
  for (let i = 0; i < count; i++) {
    const { data: made, info } = await square(i)
    const start = i * side * side * 3
    if (info.channels === 3) all.set(made, start)
    else
      for (let p = 0; p < side * side; p++)
        all.fill(made[p * info.channels]!, start + 3 * p, start + 3 * p + 3)
  }
  return all
}

function paste(images: Uint8Array, number: number, sheet: Sheet, left: number, top: number): void {
  const { pixels, width, cell } = sheet
  for (let row = 0; row < cell; row++) {
    const from = (number * cell + row) * cell * 3
    pixels.set(images.subarray(from, from + cell * 3), ((top + row) * width + left) * 3)
  }
}
