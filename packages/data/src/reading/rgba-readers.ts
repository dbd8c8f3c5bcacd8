/// <reference path="./packages.d.ts" />
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { expected, SelfsupError } from '@selfsup/core'
import { optionalPackage } from './optional-package.js'
import type { ImageValues, ValueFacts, ValueReader } from './values.js'

/** Formats whose packages decode to 8-bit red, green, blue and alpha. */

/** Maximum number of pixels that these packages, which allocate all at once in JavaScript or WebAssembly, are asked to decode. */
const MOST_RGBA_PIXELS = 2 ** 27

interface Decoded {
  readonly width: number
  readonly height: number
  readonly data: Uint8Array | Uint8ClampedArray
}

function checked({ width, height }: Pick<Decoded, 'width' | 'height'>): void {
  expected(width >= 1 && height >= 1, 'truncated or damaged')
  expected(width * height <= MOST_RGBA_PIXELS, 'more pixels than can be decoded')
}

function factsOf(size: Pick<Decoded, 'width' | 'height'>, transparent = false): ValueFacts {
  checked(size)
  const { width, height } = size
  return { width, height, bands: 3, type: 'uint8', colour: true, transparent, pages: 1 }
}

function valuesOf({ width, height, data }: Decoded): ImageValues {
  expected(data.length === width * height * 4, 'truncated or damaged')
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.length)
  return { data: bytes, width, height, samples: 4, alpha: true, opaque: 255 }
}

/** Converts a package's errors, which have many forms. */
async function decoding<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof SelfsupError) throw error
    throw new SelfsupError('truncated or damaged', { code: 'damaged-file', cause: error })
  }
}

const BMP_HEADERS: ReadonlySet<number> = new Set([40, 52, 56, 108, 124])

/** Loads bmp-ts, which decodes BMP. @throws MissingPackage if it is not installed */
export const loadBmp = () => optionalPackage('BMP', 'bmp-ts', () => import('bmp-ts'))
/** Loads heic-decode. @throws MissingPackage if it is not installed */
export const loadHeic = () => optionalPackage('HEIC', 'heic-decode', () => import('heic-decode'))
/** Loads the JPEG XL decoder of @jsquash/jxl. @throws MissingPackage if it is not installed */
export const loadJxl = () =>
  optionalPackage('JPEG XL', '@jsquash/jxl', () => import('@jsquash/jxl/decode.js'))

const BMP_BITS: ReadonlySet<number> = new Set([1, 2, 4, 8, 16, 24, 32])
const BMP_RUN_LENGTHS: ReadonlySet<number> = new Set([1, 2])

/**
 * Whether a bitmap is as long as its header says. Otherwise a few bytes could stand for millions of pixels, for which the package
 * takes minutes. In run lengths, two bytes are at most 255 pixels.
 */
function holdsPixels(file: Buffer, { width, height }: Pick<Decoded, 'width' | 'height'>): boolean {
  const bits = file.readUInt16LE(28)
  if (!BMP_BITS.has(bits)) return false
  if (BMP_RUN_LENGTHS.has(file.readUInt32LE(30))) return width * height <= 128 * file.length
  const row = Math.ceil((bits * width) / 32) * 4
  return file.readUInt32LE(10) + row * (height - 1) + Math.ceil((bits * width) / 8) <= file.length
}

/** Windows bitmaps, by `bmp-ts`. */
export const bmpReader: ValueReader = {
  format: 'BMP',
  async facts(file) {
    expected(file.length >= 54, 'truncated or damaged')
    expected(
      BMP_HEADERS.has(file.readUInt32LE(14)),
      `BMP header of ${file.readUInt32LE(14)} bytes is not supported`,
    )
    const size = { width: file.readInt32LE(18), height: Math.abs(file.readInt32LE(22)) }
    checked(size)
    expected(holdsPixels(file, size), 'truncated or damaged', { code: 'damaged-file' })
    return factsOf(size, file.readUInt16LE(28) === 32)
  },
  async values(file) {
    await this.facts(file)
    const { decode } = await loadBmp()
    return decoding(async () => {
      const bits = file.readUInt16LE(28)
      expected(file.readUInt32LE(46) <= 2 ** Math.min(bits, 8), 'truncated or damaged')
      // Alpha, blue, green, red: with the package's option toRGBA, palettes stay in this order.
      const { width, height, data } = decode(file)
      data.swap32()
      // The fourth byte of most 32-bit bitmaps is unused and 0; then the image is opaque.
      const used = bits === 32 && data.some((value, i) => i % 4 === 3 && value > 0)
      if (!used) for (let i = 3; i < data.length; i += 4) data[i] = 255
      return valuesOf({ width, height, data })
    })
  },
}

/** HEIC and HEIF photos, by `heic-decode`. */
export const heicReader: ValueReader = {
  format: 'HEIC',
  async facts(file) {
    return withHeic(file, async (image) => factsOf(image))
  },
  async values(file) {
    return withHeic(file, async (image) => {
      checked(image)
      return valuesOf(await image.decode())
    })
  },
}

type HeicImage = Pick<Decoded, 'width' | 'height'> & { decode(): Promise<Decoded> }

async function withHeic<T>(file: Buffer, use: (image: HeicImage) => Promise<T>): Promise<T> {
  const { default: heic } = await loadHeic()
  return decoding(async () => {
    const images = await heic.all({ buffer: file })
    try {
      expected(images[0], 'truncated or damaged')
      return await use(images[0])
    } finally {
      images.dispose()
    }
  })
}

/** JPEG XL, by `@jsquash/jxl`. */
export const jxlReader: ValueReader = {
  format: 'JPEG XL',
  async facts(file) {
    return factsOf(await decodeJxl(file))
  },
  async values(file) {
    return valuesOf(await decodeJxl(file))
  },
}

/** Node's types have no WebAssembly. */
const { compile } = (globalThis as unknown as { WebAssembly: { compile(bytes: Uint8Array): Promise<never> } })
  .WebAssembly

let jxl: Promise<(file: ArrayBuffer) => Promise<Decoded>> | undefined

async function decodeJxl(file: Buffer): Promise<Decoded> {
  checked(jxlSize(file))
  jxl ??= loadJxl().then(async ({ default: decode, init }) => {
    // In browsers the package fetches its WebAssembly; in Node it has to be read.
    const path = createRequire(import.meta.url).resolve('@jsquash/jxl/codec/dec/jxl_dec.wasm')
    await init(await compile(await readFile(path)))
    return decode
  })
  jxl.catch(() => {
    jxl = undefined
  })
  const decode = await jxl
  return decoding(() =>
    decode(file.buffer.slice(file.byteOffset, file.byteOffset + file.length) as ArrayBuffer),
  )
}

/** Width of an image by its ratio to the height, in the order of the codes 1 to 7 (ISO/IEC 18181-1, D.2). */
const RATIOS = [0, 1, 1.2, 4 / 3, 1.5, 16 / 9, 1.25, 2]

/** Reads the size from a JPEG XL codestream's header, before any memory is allocated for pixels. */
function jxlSize(file: Buffer): { width: number; height: number } {
  const start = codestream(file)
  let at = start * 8 + 16
  const bits = (count: number) => {
    let value = 0
    for (let i = 0; i < count; i++, at++) {
      expected(at >> 3 < file.length, 'truncated or damaged')
      value += ((file[at >> 3]! >> (at & 7)) & 1) * 2 ** i
    }
    return value
  }
  const lengths = [9, 13, 18, 30]
  const small = bits(1) === 1
  const side = () => (small ? (bits(5) + 1) * 8 : bits(lengths[bits(2)]!) + 1)
  const height = side()
  const ratio = bits(3)
  return { height, width: ratio === 0 ? side() : Math.floor(height * RATIOS[ratio]!) }
}

/** Position of the codestream: the start of the file, or of the first `jxlc` or `jxlp` box of a container. */
function codestream(file: Buffer): number {
  if (file[0] === 0xff && file[1] === 0x0a) return 0
  for (let at = 0, boxes = 0; at + 16 <= file.length && boxes < 1000; boxes++) {
    const size = file.readUInt32BE(at)
    const type = file.toString('latin1', at + 4, at + 8)
    const head = size === 1 ? 16 : 8
    if (type === 'jxlc') return at + head
    if (type === 'jxlp') return at + head + 4
    const length = size === 1 ? Number(file.readBigUInt64BE(at + 8)) : size
    if (length < head) break
    at += length
  }
  throw new SelfsupError('truncated or damaged', { code: 'damaged-file' })
}
