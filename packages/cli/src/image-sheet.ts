import { expected, type ImageReading } from '@selfsup/core'
import { isOwnFile } from '@selfsup/retrieval'
import type { ProgressView } from './progress.js'

/** An image on a sheet. */
export interface SheetImage {
  readonly path: string
  /** what the image was indexed with; absent for a file */
  readonly source?: string
  readonly caption: string
}

/** Size of the images on a sheet, in pixels. */
const THUMBNAIL = 128
/** Images per row. */
const COLUMNS = 6
/** Maximum number of images on a sheet. */
const MOST = 300

/** @throws SelfsupError if the name of a sheet does not end in .png */
export function expectPng(sheet: string | undefined): void {
  expected(!sheet || /\.png$/.test(sheet), `--sheet must end in .png; got '${sheet}'`)
}

/**
 * Writes images with captions to a PNG. Images that are not files, or cannot be read, are left out, with a note.
 * @param reading how the run read its images
 */
export async function writeSheet(
  out: string,
  all: readonly SheetImage[],
  view: Pick<ProgressView, 'note'>,
  reading: ImageReading,
): Promise<void> {
  const { contactSheet, streamImages } = await import('@selfsup/data')
  const files = all.filter(({ source }) => source === undefined || isOwnFile({ source }))
  const images = files.slice(0, MOST)
  expected(images.length > 0, `${out}: none of the images is a file of its own, so there is nothing to draw`)
  const dataset = await streamImages(
    images.map(({ path }) => path),
    { reading: wholeImage(reading) },
  )
  let drawn = 0
  for await (const { images: pixels, indices } of dataset.batches({
    batchSize: images.length,
    size: THUMBNAIL,
  })) {
    const captions = Array.from(indices, (index) => images[index]!.caption)
    await contactSheet(out, pixels!, { columns: COLUMNS, captions })
    drawn = indices.length
  }
  await dataset.close()
  if (drawn < all.length) view.note(`${out} shows ${drawn} of ${all.length} images`)
}

/** The reading of single images, of which paths name the page or the region. */
export function wholeImage({ tile: _, stride: __, ...reading }: ImageReading): ImageReading {
  return { ...reading, page: reading.page === 'all' ? 'auto' : reading.page }
}
