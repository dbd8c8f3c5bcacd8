import { displayedImages, expected, type HostImages } from '@selfsup/core'
import sharp from 'sharp'
import { writeAtomically } from './atomic-file.js'
import { CHARACTER_HEIGHT, textPixels } from './small-font.js'

/** Pixels between images. */
const GAP = 1

/**
 * Writes images to one PNG, arranged in a grid.
 * @param images one set, arranged in rows of `columns` images; or several sets, one row each. Sets can have different image
 *   sizes; smaller images keep their size
 * @param options.columns images per row; default 8 for one set
 * @param options.zoom integer factor by which images are enlarged; by default to a width of at least 64 pixels
 * @param options.captions a line of text under each image, for one set
 * @throws SelfsupError if the sets have different channels, there are no images, or the file cannot be written
 */
export async function contactSheet(
  path: string,
  images: HostImages | readonly HostImages[],
  options: {
    readonly columns?: number
    readonly zoom?: number
    readonly captions?: readonly string[]
  } = {},
): Promise<void> {
  const sets: readonly HostImages[] = ('data' in images ? [images] : images).map(displayedImages)
  const counts = sets.map(({ shape }) => shape[0])
  const largest = (axis: 1 | 2) => sets.reduce((most, { shape }) => Math.max(most, shape[axis]), 0)
  const [height, width, channels] = [largest(1), largest(2), sets[0]?.shape[3]]
  expected(Math.max(0, ...counts) > 0, `${path}: there are no images to show`)
  expected(
    sets.every(({ shape }) => shape[3] === channels),
    `${path}: images on one sheet must have the same number of channels; got ${sets.map(({ shape }) => shape[3])}`,
  )
  const { columns = sets.length > 1 ? Math.max(...counts) : 8 } = options
  const { captions } = options
  expected(
    !captions || (sets.length === 1 && captions.length === counts[0]),
    `${path}: captions need one set of images, and one caption for each of them; got ${captions?.length} for ${counts}`,
  )
  const { zoom = Math.max(1, Math.ceil(64 / width)) } = options

  const rowsOf = counts.map((count) => Math.ceil(count / columns))
  const rows = rowsOf.reduce((sum, count) => sum + count, 0)
  const sheetWidth = columns * (width + GAP) + GAP
  const line = captions ? CHARACTER_HEIGHT + 2 : 0
  const sheetHeight = rows * (height + line + GAP) + GAP
  const sheet = new Uint8Array(sheetHeight * sheetWidth * channels!).fill(255)
  let firstRow = 0
  for (const [set, setImages] of sets.entries()) {
    for (let image = 0; image < counts[set]!; image++) {
      const left = GAP + (image % columns) * (width + GAP)
      const top = GAP + (firstRow + Math.floor(image / columns)) * (height + line + GAP)
      for (const [x, y] of textPixels(captions?.[image] ?? '', width)) {
        const at = ((top + height + 1 + y) * sheetWidth + left + x) * channels!
        sheet.fill(0, at, at + channels!)
      }
      paste(setImages, image, sheet, (top * sheetWidth + left) * channels!, sheetWidth * channels!)
    }
    firstRow += rowsOf[set]!
  }
  const png = await sharp(sheet, {
    raw: { width: sheetWidth, height: sheetHeight, channels: channels as 1 | 3 },
  })
    .resize(sheetWidth * zoom, sheetHeight * zoom, { kernel: 'nearest' })
    .png()
    .toBuffer()
  await writeAtomically(path, png.length, (file) => file.writeFile(png))
}

function paste(
  { data, shape: [, height, width, channels] }: HostImages,
  image: number,
  sheet: Uint8Array,
  start: number,
  stride: number,
): void {
  for (let row = 0; row < height; row++) {
    const from = (image * height + row) * width * channels
    sheet.set(data.subarray(from, from + width * channels), start + row * stride)
  }
}
