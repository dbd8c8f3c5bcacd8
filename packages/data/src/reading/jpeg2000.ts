/// <reference path="./packages.d.ts" />
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { OpenJpeg, OpenJpegOptions } from '@cornerstonejs/codec-openjpeg/decodewasmjs'
import { expected, SelfsupError, type ValueType } from '@selfsup/core'
import { optionalPackage } from './optional-package.js'
import { type ImageValues, type ValueFacts, type ValueReader, type Values, valuesOf } from './values.js'

/** Maximum number of values of an image. OpenJPEG needs 6 to 8 bytes for each, in a WebAssembly memory of at most 2 GiB. */
const MOST_VALUES = 2 ** 27

/** An instance whose memory has grown beyond this is not used again: WebAssembly memory never shrinks. */
const MOST_KEPT = 2 ** 28

/** Start of a JP2 file (ISO/IEC 15444-1, I.5.1), and of a codestream with its first marker segment (A.4.1, A.5.1). */
const FILE = '\0\0\0\x0cjP  \r\n\x87\n'
const CODESTREAM = '\xff\x4f\xff\x51'
const END_OF_CODESTREAM = 0xffd9

/** Loads OpenJPEG, which decodes JPEG 2000. @throws MissingPackage if it is not installed */
export const loadJpeg2000 = () =>
  optionalPackage(
    'JPEG 2000',
    '@cornerstonejs/codec-openjpeg',
    () => import('@cornerstonejs/codec-openjpeg/decodewasmjs'),
  )

/** Whether a file starts as JPEG 2000: JP2 or a codestream. */
export function isJpeg2000(file: Buffer): boolean {
  return file.toString('latin1', 0, 12) === FILE || file.toString('latin1', 0, 4) === CODESTREAM
}

/** JPEG 2000 of one or three components, by `@cornerstonejs/codec-openjpeg`. */
export const jpeg2000Reader: ValueReader = {
  format: 'JPEG 2000',
  async facts(file) {
    const { width, height, bands, type } = headerOf(file)
    return { width, height, bands, type, colour: bands === 3, transparent: false, pages: 1 }
  },
  async values(file) {
    const header = headerOf(file)
    const { width, height, bands } = header
    const read = await decoded(file, header)
    // A mask of 1 bit becomes black and white, as in other formats.
    const data =
      header.bits < 8 && !header.signed
        ? read.map((v) => Math.round((v * 255) / (2 ** header.bits - 1)))
        : read
    return { data, width, height, samples: bands, alpha: false }
  },
}

interface Header extends Pick<ValueFacts, 'width' | 'height' | 'bands' | 'type'> {
  readonly bits: number
  readonly signed: boolean
}

/** Where a file's codestream is, and its palette. */
interface Boxes {
  /** where the codestream starts and ends */
  readonly start: number
  readonly end: number
  readonly palette?: { readonly bands: number; readonly bits: number }
}

/**
 * Reads the header, before any memory is allocated for pixels.
 * @throws SelfsupError if it is damaged, or the image is of a kind that the package does not decode
 */
function headerOf(file: Buffer): Header {
  try {
    return describedBy(file)
  } catch (error) {
    if (error instanceof SelfsupError) throw error
    throw new SelfsupError('truncated or damaged', { code: 'damaged-file', cause: error })
  }
}

function describedBy(file: Buffer): Header {
  const damaged = (holds: boolean) => expected(holds, 'truncated or damaged', { code: 'damaged-file' })
  const { start, end, palette } = boxesOf(file)
  damaged(file.toString('latin1', start, start + 4) === CODESTREAM)
  // The decoder would fill up what is missing of a truncated file. Files in DICOM are padded with zeros.
  let last = end
  while (last > start && file[last - 1] === 0) last--
  damaged(file.readUInt16BE(last - 2) === END_OF_CODESTREAM)
  const at = (offset: number) => file.readUInt32BE(start + 8 + offset)
  const [width, height] = [at(0) - at(8), at(4) - at(12)]
  const components = file.readUInt16BE(start + 40)
  damaged(width >= 1 && height >= 1 && components >= 1)
  const bands = palette?.bands ?? components
  expected(width * height * Math.max(bands, components) <= MOST_VALUES, 'more pixels than can be decoded')
  const [precision, ...others] = Array.from({ length: components }, (_, i) =>
    file.toString('latin1', start + 42 + 3 * i, start + 45 + 3 * i),
  )
  const supported =
    (bands === 1 || bands === 3) &&
    others.every((one) => one === precision) &&
    precision!.endsWith('\x01\x01')
  const depth = precision!.charCodeAt(0)
  const bits = palette?.bits ?? (depth & 127) + 1
  const signed = !palette && depth > 127
  expected(
    supported && bits <= 16,
    `JPEG 2000 with ${components} ${components === 1 ? 'component' : 'components'} of ${bits} bits${others.some((one) => one !== precision) || !precision!.endsWith('\x01\x01') ? ' or different sizes' : ''} is not supported; convert it to TIFF, for example with: opj_decompress -i IMAGE -o image.tif`,
    { code: 'unsupported' },
  )
  const type: ValueType = `${signed ? 'int' : 'uint'}${bits > 8 ? 16 : 8}`
  return { width, height, bands, type, bits, signed }
}

/** Finds the codestream and what describes its colours. */
function boxesOf(file: Buffer): Boxes {
  if (file.toString('latin1', 0, 12) !== FILE) return { start: 0, end: file.length }
  let palette: Boxes['palette']
  for (const [kind, from, to] of boxes(file, 0, file.length)) {
    if (kind === 'jp2c') return { start: from, end: to, palette }
    if (kind !== 'jp2h') continue
    for (const [inner, first] of boxes(file, from, to))
      if (inner === 'pclr') palette = { bands: file[first + 2]!, bits: (file[first + 3]! & 127) + 1 }
  }
  throw new SelfsupError('truncated or damaged', { code: 'damaged-file' })
}

/** The boxes of a part of a file: kind, start and end of the content. */
function* boxes(file: Buffer, from: number, to: number): Generator<[kind: string, from: number, to: number]> {
  for (let at = from, count = 0; at + 8 <= to && count < 1000; count++) {
    const short = file.readUInt32BE(at)
    const head = short === 1 ? 16 : 8
    // 0 means: to the end of the file.
    const length = short === 0 ? to - at : short === 1 ? Number(file.readBigUInt64BE(at + 8)) : short
    if (length < head || at + length > to) return
    yield [file.toString('latin1', at + 4, at + 8), at + head, at + length]
    at += length
  }
}

/** Node's types have no WebAssembly. */
const { compile, instantiate } = (
  globalThis as unknown as {
    WebAssembly: {
      compile(bytes: Uint8Array): Promise<object>
      instantiate(compiled: object, imports: object): Promise<object>
    }
  }
).WebAssembly

let compiled: Promise<object> | undefined
let kept: OpenJpeg | undefined

/** A new decoder. */
async function openJpeg(): Promise<OpenJpeg> {
  const { default: create } = await loadJpeg2000()
  compiled ??= readFile(
    createRequire(import.meta.url).resolve('@cornerstonejs/codec-openjpeg/decodewasm'),
  ).then(compile)
  compiled.catch(() => {
    compiled = undefined
  })
  const program = await compiled
  const ignore = () => {}
  return new Promise((resolve, reject) => {
    const instantiateWasm: OpenJpegOptions['instantiateWasm'] = (imports, done) => {
      instantiate(program, imports)
        .then((instance) => done(instance, program))
        .catch(reject)
      return {}
    }
    create({ print: ignore, printErr: ignore, instantiateWasm }).then(resolve, reject)
  })
}

/** The stored values, [height, width, bands]. */
async function decoded(file: Buffer, { width, height, bands, bits, signed, type }: Header): Promise<Values> {
  // The decoder of the image before is used again if all went well: after an error, its memory may be damaged.
  const before = kept
  kept = undefined
  const codec = before ?? (await openJpeg())
  try {
    const decoder = new codec.J2KDecoder()
    decoder.getEncodedBuffer(file.length).set(file)
    decoder.decode()
    const info = decoder.getFrameInfo()
    const bytes = decoder.getDecodedBuffer()
    const same =
      info.width === width &&
      info.height === height &&
      info.componentCount === bands &&
      info.bitsPerSample === bits &&
      info.isSigned === signed &&
      bytes.length === width * height * bands * (bits > 8 ? 2 : 1)
    expected(same, 'truncated or damaged', { code: 'damaged-file' })
    const values = valuesOf(type, Uint8Array.from(bytes))
    decoder.delete()
    if (codec.HEAPU8.length <= MOST_KEPT) kept = codec
    return values
  } catch (error) {
    if (error instanceof SelfsupError) throw error
    throw new SelfsupError('truncated or damaged', { code: 'damaged-file', cause: error })
  }
}

/**
 * Decodes a JPEG 2000 codestream inside of another file.
 * @returns its values as they are stored, of 8 or 16 bits
 * @throws SelfsupError if it is damaged or of a kind that the package does not decode
 */
export async function jpeg2000Values(
  file: Buffer,
): Promise<Pick<ImageValues, 'data' | 'width' | 'height' | 'samples'>> {
  const header = headerOf(file)
  const { width, height, bands } = header
  return { data: await decoded(file, header), width, height, samples: bands }
}
