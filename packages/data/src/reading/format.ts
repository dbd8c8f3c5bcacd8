import { constants, gunzipSync } from 'node:zlib'
import { dicomReader, loadDicom } from './dicom-values.js'
import { isJpeg2000, jpeg2000Reader, loadJpeg2000 } from './jpeg2000.js'
import { loadNifti, niftiReader } from './nifti-values.js'
import { npyReader } from './npy-values.js'
import { bmpReader, heicReader, jxlReader, loadBmp, loadHeic, loadJxl } from './rgba-readers.js'
import type { ValueReader } from './values.js'

/** Extensions of files that sharp reads as 8 bits, without the dot. */
export const usualExtensions: ReadonlySet<string> = new Set([
  'jpg',
  'jpeg',
  'png',
  'webp',
  'avif',
  'gif',
  'tif',
  'tiff',
])

/** Extensions of all image files, without the dot. */
export const allExtensions: ReadonlySet<string> = new Set([
  ...usualExtensions,
  'bmp',
  'heic',
  'heif',
  'jxl',
  'jp2',
  'j2k',
  'j2c',
  'jpf',
  'jpx',
  'npy',
  'dcm',
  'dicom',
  'nii',
  'nii.gz',
  'svs',
])

/** Lower-case extension of a file's name, without the dot; `nii.gz` counts as one. */
export function extensionOf(name: string): string {
  const lower = name.toLowerCase()
  if (lower.endsWith('.nii.gz')) return 'nii.gz'
  const dot = lower.lastIndexOf('.')
  return dot > 0 ? lower.slice(dot + 1) : ''
}

/** Whether a path is that of a TIFF, by its extension. Slides of Aperio scanners are TIFFs. */
export function isTiffName(path: string): boolean {
  return /\.(tiff?|svs)$/i.test(path)
}

/** Whether a file starts as a TIFF or BigTIFF. */
export function isTiff(file: Buffer): boolean {
  return /^(II[*+]\0|MM\0[*+])$/.test(file.toString('latin1', 0, 4))
}

/** Finds the reader of a file by its content. @returns undefined for TIFF and for the formats that sharp reads */
export function readerFor(file: Buffer): ValueReader | undefined {
  const text = (from: number, to: number) => file.toString('latin1', from, to)
  if (text(0, 6) === '\x93NUMPY') return npyReader
  if (text(0, 2) === 'BM' && file.length >= 26) return bmpReader
  if (text(0, 2) === '\xff\x0a' || text(0, 12) === '\0\0\0\x0cJXL \r\n\x87\n') return jxlReader
  if (text(4, 8) === 'ftyp' && /^(hei[cxms]|hev[cxms]|mif1|msf1)/.test(text(8, 12)) && !isAvif(file))
    return heicReader
  if (isJpeg2000(file)) return jpeg2000Reader
  if (text(128, 132) === 'DICM') return dicomReader
  return isNifti(file[0] === 0x1f && file[1] === 0x8b ? unpackedHead(file) : file) ? niftiReader : undefined
}

function isNifti(file: Buffer): boolean {
  return file.toString('latin1', 344, 347) === 'n+1' || file.toString('latin1', 4, 7) === 'n+2'
}

/** The beginning of a gzip file's content. */
function unpackedHead(file: Buffer): Buffer {
  try {
    return gunzipSync(file.subarray(0, 2048), {
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: 2 ** 22,
    })
  } catch {
    return Buffer.alloc(0)
  }
}

function isAvif(file: Buffer): boolean {
  return /^(....)*avi[fs]/s.test(file.toString('latin1', 8, Math.min(file.readUInt32BE(0), 256)))
}

const jpeg2000 = { format: 'JPEG 2000', load: loadJpeg2000 }

/** Optional packages by extension: the format's name, and a function that fails if the package is not installed. */
export const packagesByExtension: Readonly<Record<string, { format: string; load(): Promise<unknown> }>> = {
  bmp: { format: 'BMP', load: loadBmp },
  heic: { format: 'HEIC', load: loadHeic },
  heif: { format: 'HEIC', load: loadHeic },
  jxl: { format: 'JPEG XL', load: loadJxl },
  jp2: jpeg2000,
  j2k: jpeg2000,
  j2c: jpeg2000,
  jpf: jpeg2000,
  jpx: jpeg2000,
  dcm: { format: 'DICOM', load: loadDicom },
  dicom: { format: 'DICOM', load: loadDicom },
  nii: { format: 'NIfTI', load: loadNifti },
  'nii.gz': { format: 'NIfTI', load: loadNifti },
}
