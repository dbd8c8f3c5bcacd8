import { open } from 'node:fs/promises'
import { fileNotRead } from '../image-file.js'
import { type TiffLayout, tiffLayout } from './tiff-values.js'

/** Reads the layout of a TIFF on disk, and no more of the file than its directories. */
export async function layoutAt(path: string): Promise<TiffLayout> {
  const file = await open(path).catch((error: unknown) => fileNotRead(error, path))
  try {
    return await tiffLayout(async (offset, length) => {
      const bytes = Buffer.alloc(length)
      const { bytesRead } = await file
        .read(bytes, 0, length, offset)
        .catch((error: unknown) => fileNotRead(error, path))
      return bytes.subarray(0, bytesRead)
    })
  } finally {
    await file.close()
  }
}
