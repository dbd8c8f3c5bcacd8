import { createHash } from 'node:crypto'
import type { ImageReading } from '@selfsup/core'
import type { EncodedImages } from '../encoded-images.js'

/**
 * Identifies images and how they are read. With the usual reading, which is that of versions that did not save it, it is the
 * fingerprint of the files.
 */
export async function fingerprintOf(images: EncodedImages, reading: ImageReading): Promise<string> {
  const files = await images.fingerprint()
  if (isUsual(reading)) return files
  return createHash('sha256').update(files).update(JSON.stringify(reading)).digest('hex')
}

function isUsual({ bands, range, background, page, tile, former }: ImageReading): boolean {
  if (former) return true
  const ranges = typeof range === 'object' ? Object.keys(range).length : 1
  return bands === 'rgb' && ranges === 0 && background === '#ffffff' && page === 'auto' && tile === undefined
}
