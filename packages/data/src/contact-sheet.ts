import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { HostImages } from '@selfsup/core'
import sharp from 'sharp'

/**
 * Pictures side by side in one PNG, for a person to look at.
 * @param images of one size
 * @param options.columns pictures per row; 8
 * @param options.zoom whole factor by which small pictures are enlarged; by default to at least 64 pixels
 */
export async function contactSheet(
  path: string,
  { data, shape: [count, height, width, channels] }: HostImages,
  { columns = 8, zoom = Math.max(1, Math.ceil(64 / width)) }: { columns?: number; zoom?: number } = {},
): Promise<void> {
  const gap = 1
  const rows = Math.ceil(count / columns)
  const sheetWidth = columns * (width + gap) + gap
  const sheet = new Uint8Array((rows * (height + gap) + gap) * sheetWidth * channels).fill(255)
  for (let image = 0; image < count; image++) {
    const left = gap + (image % columns) * (width + gap)
    const top = gap + Math.floor(image / columns) * (height + gap)
    for (let row = 0; row < height; row++) {
      const from = (image * height + row) * width * channels
      sheet.set(data.subarray(from, from + width * channels), ((top + row) * sheetWidth + left) * channels)
    }
  }
  await mkdir(dirname(path), { recursive: true })
  const sheetHeight = rows * (height + gap) + gap
  await sharp(sheet, { raw: { width: sheetWidth, height: sheetHeight, channels: channels as 1 | 3 } })
    .resize(sheetWidth * zoom, sheetHeight * zoom, { kernel: 'nearest' })
    .png()
    .toFile(path)
}
