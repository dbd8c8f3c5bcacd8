import { SelfsupError } from '@selfsup/core'
import sharp from 'sharp'

/** Maximum number of pixels of an image. Larger files are rejected as attempts to exhaust the memory. */
export const MOST_PIXELS = 2 ** 29

/** Properties of an image that are needed before decoding. */
export interface ImageHeader {
  /** of the stored image, before it is rotated upright */
  readonly width: number
  readonly height: number
  /** bytes of a decoded pixel in the file's own format */
  readonly bytesPerPixel: number
}

const NOT_AN_IMAGE = 'not a supported image file'

/**
 * Checks that a file starts like one of the supported formats: JPEG, PNG, WebP, AVIF, GIF or TIFF. sharp detects the format
 * by content and would also render SVG, whose filters and references can take unlimited time, under any file name.
 * @throws SelfsupError for any other content
 */
export function expectImage(file: Buffer): void {
  if (!isImage(file)) throw new SelfsupError(file.length === 0 ? 'empty file' : NOT_AN_IMAGE)
}

function isImage(file: Buffer): boolean {
  const text = (from: number, to: number) => file.toString('latin1', from, to)
  if (text(0, 3) === '\xff\xd8\xff' || text(0, 8) === PNG) return true
  if (/^GIF8[79]a$/.test(text(0, 6))) return true
  if (/^(II[*+]\0|MM\0[*+])$/.test(text(0, 4))) return true
  if (text(0, 4) === 'RIFF' && text(8, 12) === 'WEBP') return true
  return text(4, 8) === 'ftyp' && /^(....)*avi[fs]/s.test(text(8, Math.min(file.readUInt32BE(0), 256)))
}

const PNG = '\x89PNG\r\n\x1a\n'

/** Samples per pixel of a PNG by its colour type: grey, RGB, palette (decoded to RGB), grey and alpha, RGBA. */
const pngSamples: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 3, 4: 2, 6: 4 }

/**
 * Reads width, height and depth from the header of an image.
 * @throws SelfsupError if the file is not a supported image or has too many pixels
 */
export async function imageHeader(file: Buffer): Promise<ImageHeader> {
  expectImage(file)
  const header = pngHeader(file) ?? jpegHeader(file) ?? (await headerBySharp(file))
  if (header.width * header.height > MOST_PIXELS) throw new SelfsupError('more pixels than can be decoded')
  return header
}

/** Reads a PNG's header, which has a fixed position. For small files, sharp would take a large part of the decoding time for this. */
function pngHeader(file: Buffer): ImageHeader | undefined {
  if (file.length < 33 || file.toString('latin1', 0, 8) !== PNG || file.toString('latin1', 12, 16) !== 'IHDR')
    return undefined
  const bits = file[24]! * (pngSamples[file[25]!] ?? 4)
  return { width: file.readUInt32BE(16), height: file.readUInt32BE(20), bytesPerPixel: Math.ceil(bits / 8) }
}

/** Reads a JPEG's frame header, SOF0 to SOF15; undefined if the segments before it are unusual. */
function jpegHeader(file: Buffer): ImageHeader | undefined {
  if (file.length < 4 || file.readUInt16BE(0) !== 0xffd8) return undefined
  for (let at = 2; at + 10 <= file.length && file[at] === 0xff; at += 2 + file.readUInt16BE(at + 2)) {
    const marker = file[at + 1]!
    if (marker < 0xc0 || marker > 0xfe || marker === 0xda || marker === 0xd9) return undefined // fill bytes, or pixels before any frame
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)
    if (!isFrame) continue
    const [height, width, components] = [file.readUInt16BE(at + 5), file.readUInt16BE(at + 7), file[at + 9]!]
    // A progressive JPEG holds all coefficients, two bytes each, in memory before decoding.
    return { width, height, bytesPerPixel: components * (marker === 0xc2 ? 3 : 1) }
  }
  return undefined
}

const depthBytes: Readonly<Record<string, number>> = {
  uchar: 1,
  char: 1,
  ushort: 2,
  short: 2,
  uint: 4,
  int: 4,
  float: 4,
  double: 8,
  complex: 8,
  dpcomplex: 16,
}

async function headerBySharp(file: Buffer): Promise<ImageHeader> {
  const { width, height, channels, depth } = await sharp(file, {
    failOn: 'none',
    pages: 1,
    limitInputPixels: false,
  }).metadata()
  return { width, height, bytesPerPixel: channels * (depthBytes[depth] ?? 16) }
}
