import { inflateRawSync } from 'node:zlib'
import { expected, SelfsupError, type ValueType } from '@selfsup/core'
import type { DataSet } from 'dicom-parser'
import sharp from 'sharp'
import { jpeg2000Values } from './jpeg2000.js'
import { optionalPackage } from './optional-package.js'
import { parsed } from './parsed.js'
import {
  type ImageValues,
  swapBytes,
  type ValueFacts,
  type ValueReader,
  type Values,
  valuesOf,
} from './values.js'

const syntaxes = {
  implicit: '1.2.840.10008.1.2',
  explicit: '1.2.840.10008.1.2.1',
  bigEndian: '1.2.840.10008.1.2.2',
  deflated: '1.2.840.10008.1.2.1.99',
  jpeg: '1.2.840.10008.1.2.4.50',
  jpeg2000Lossless: '1.2.840.10008.1.2.4.90',
  jpeg2000: '1.2.840.10008.1.2.4.91',
  rle: '1.2.840.10008.1.2.5',
} as const

/** Maximum size of an inflated file, in bytes. */
const MOST_BYTES = 2 ** 31 - 1

/** Loads dicom-parser. @throws MissingPackage if it is not installed */
export const loadDicom = () =>
  optionalPackage('DICOM', 'dicom-parser', async () => {
    const loaded = await import('dicom-parser')
    return 'default' in loaded ? (loaded.default as typeof loaded) : loaded
  })

/**
 * Frames of DICOM files, by `dicom-parser`: uncompressed, deflated, RLE, JPEG baseline and, by a package of its own, JPEG 2000. Values are in the modality's units, such
 * as Hounsfield units (rescale slope and intercept are applied).
 */
export const dicomReader: ValueReader = {
  format: 'DICOM',
  async facts(file) {
    return (await dicomOf(file)).facts
  },
  async values(file, page) {
    const dicom = await dicomOf(file)
    const { facts, inverted, slope, intercept, bits } = dicom
    const { width, height, bands } = facts
    const stored = await framePixels(dicom, page)
    const masked = bits < 8 * stored.BYTES_PER_ELEMENT ? signExtended(stored, bits, dicom.signed) : stored
    const scaled = slope !== 1 || intercept !== 0
    const data = scaled ? Float32Array.from(masked, (value) => value * slope + intercept) : masked
    const values: ImageValues = { data, width, height, samples: bands, alpha: false, inverted }
    return values
  },
}

interface Dicom {
  readonly parser: typeof import('dicom-parser')
  readonly set: DataSet
  readonly syntax: string
  readonly facts: ValueFacts
  /** type of the stored values */
  readonly stored: ValueType
  /** bits of a stored value that are used */
  readonly bits: number
  readonly signed: boolean
  /** bands are stored one after the other */
  readonly planar: boolean
  readonly inverted: boolean
  readonly slope: number
  readonly intercept: number
}

async function dicomOf(file: Buffer): Promise<Dicom> {
  const parser = await loadDicom()
  const set = parsed(() =>
    parser.parseDicom(file, {
      inflater: (bytes: Uint8Array, position: number) => {
        const inflated = inflateRawSync(bytes.subarray(position), { maxOutputLength: MOST_BYTES })
        return Buffer.concat([bytes.subarray(0, position), inflated])
      },
    } as Parameters<typeof parser.parseDicom>[1]),
  )
  return parsed(() => described(parser, set))
}

function described(parser: Dicom['parser'], set: DataSet): Dicom {
  const number = (tag: string, otherwise: number) => set.uint16(tag) ?? otherwise
  const decimal = (tag: string, otherwise: number) => {
    const value = set.floatString(tag)
    return value !== undefined && Number.isFinite(value) ? value : otherwise
  }
  expected(set.elements.x7fe00010, 'a DICOM file without pixel data')
  const [height, width] = [number('x00280010', 0), number('x00280011', 0)]
  const bands = number('x00280002', 1)
  const allocated = number('x00280100', 8)
  const kind = (set.string('x00280004') ?? 'MONOCHROME2').trim()
  const signed = number('x00280103', 0) === 1
  const pages = Math.floor(set.intString('x00280008') ?? 1)
  expected(width >= 1 && height >= 1 && pages >= 1 && pages <= 2 ** 20, 'truncated or damaged')
  expected(
    (bands === 1 || bands === 3) && (allocated === 8 || allocated === 16 || allocated === 32),
    `DICOM pixels of ${bands} x ${allocated} bits are not supported`,
  )
  const syntax = (set.string('x00020010') ?? syntaxes.implicit).replace(/[\0\s]+$/, '')
  expected(
    Object.values(syntaxes).includes(syntax as (typeof syntaxes)['rle']),
    `DICOM pixels compressed as ${syntax} are not supported; convert the file to an uncompressed transfer syntax, for example with dcmdjpeg or gdcmconv --raw`,
    { code: 'unsupported' },
  )
  expected(
    syntax === syntaxes.jpeg ||
      (isJpeg2000Syntax(syntax) && /^YBR_(RCT|ICT)$/.test(kind)) ||
      /^(MONOCHROME[12]|RGB)$/.test(kind),
    `DICOM pixels in ${kind} are not supported; convert the file to RGB`,
    { code: 'unsupported' },
  )
  const stored = `${signed ? 'int' : 'uint'}${allocated}` as ValueType
  const [slope, intercept] = [decimal('x00281053', 1), decimal('x00281052', 0)]
  const scaled = slope !== 1 || intercept !== 0
  return {
    parser,
    set,
    syntax,
    facts: {
      width,
      height,
      bands,
      type: scaled ? 'float32' : stored,
      colour: bands === 3,
      transparent: false,
      pages,
    }, // prettier-ignore
    stored,
    bits: Math.min(allocated, Math.max(1, number('x00280101', allocated))),
    signed,
    planar: number('x00280006', 0) === 1,
    inverted: kind === 'MONOCHROME1',
    slope,
    intercept,
  }
}

/** The stored values of a frame, [height, width, bands]. */
async function framePixels(dicom: Dicom, page: number): Promise<Values> {
  const { syntax, set, facts, stored, planar, parser } = dicom
  const { width, height, bands } = facts
  const size = Number(stored.replace(/\D+/, '')) / 8
  const count = width * height * bands
  const element = set.elements.x7fe00010!
  if (syntax === syntaxes.jpeg || syntax === syntaxes.rle || isJpeg2000Syntax(syntax)) {
    const fragments = element.fragments ?? []
    expected(
      facts.pages === 1 || fragments.length === facts.pages,
      'DICOM frames in several fragments each are not supported',
    )
    const [first, amount] = facts.pages === 1 ? [0, fragments.length] : [page, 1]
    const bytes = parsed(() =>
      Buffer.from(parser.readEncapsulatedPixelDataFromFragments(set, element, first, amount)),
    )
    if (syntax === syntaxes.jpeg) return jpegPixels(bytes, facts)
    if (isJpeg2000Syntax(syntax)) return jpeg2000Pixels(bytes, dicom)
    return valuesOf(
      stored,
      parsed(() => unpackedRle(bytes, width * height, bands, size)),
    )
  }
  const start = element.dataOffset + page * count * size
  expected(start + count * size <= set.byteArray.length, 'truncated or damaged')
  const bytes = Buffer.from(set.byteArray.subarray(start, start + count * size))
  if (syntax === syntaxes.bigEndian) swapBytes(bytes, size)
  const values = valuesOf(stored, bytes)
  return planar && bands > 1 ? interleaved(values, bands) : values
}

function isJpeg2000Syntax(syntax: string): boolean {
  return syntax === syntaxes.jpeg2000Lossless || syntax === syntaxes.jpeg2000
}

/** The codestream says how many bits it has, DICOM what they mean: programs disagree about signs (PS3.5, 8.2.4). */
async function jpeg2000Pixels(
  bytes: Buffer,
  { facts: { width, height, bands }, stored }: Dicom,
): Promise<Values> {
  const read = await jpeg2000Values(bytes)
  expected(read.width === width && read.height === height && read.samples === bands, 'truncated or damaged')
  const count = Number(stored.replace(/\D+/, '')) / 8
  if (read.data.BYTES_PER_ELEMENT === count)
    return valuesOf(stored, new Uint8Array(read.data.buffer, read.data.byteOffset, read.data.byteLength))
  const values = valuesOf(stored, new Uint8Array(read.data.length * count))
  values.set(read.data)
  return values
}

async function jpegPixels(bytes: Buffer, { width, height, bands }: ValueFacts): Promise<Values> {
  expected(bytes.readUInt16BE(0) === 0xffd8, 'truncated or damaged')
  const { data, info } = await sharp(bytes, { failOn: 'truncated' })
    .toColourspace(bands === 1 ? 'b-w' : 'srgb')
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch((error: unknown) => {
      throw new SelfsupError('truncated or damaged', { code: 'damaged-file', cause: error })
    })
  expected(info.width === width && info.height === height && info.channels === bands, 'truncated or damaged')
  return data
}

/** Unpacks DICOM's RLE (PS3.5, annex G): a segment for each byte of each band, the most significant first. */
function unpackedRle(bytes: Buffer, pixels: number, bands: number, size: number): Uint8Array {
  const segments = bytes.readUInt32LE(0)
  expected(segments === bands * size, 'truncated or damaged')
  const result = new Uint8Array(pixels * bands * size)
  for (let segment = 0; segment < segments; segment++) {
    const [band, byte] = [Math.floor(segment / size), size - 1 - (segment % size)]
    const end = segment + 1 < segments ? bytes.readUInt32LE(8 + 4 * segment) : bytes.length
    let at = bytes.readUInt32LE(4 + 4 * segment)
    expected(at >= 64 && end <= bytes.length, 'truncated or damaged')
    let pixel = 0
    const put = (value: number) => {
      result[(pixel++ * bands + band) * size + byte] = value
    }
    while (at < end && pixel < pixels) {
      const code = bytes.readInt8(at++)
      if (code >= 0) for (let i = 0; i <= code && pixel < pixels; i++) put(bytes[at++]!)
      else if (code > -128) {
        for (let i = 0; i <= -code && pixel < pixels; i++) put(bytes[at]!)
        at++
      }
    }
    expected(pixel === pixels, 'truncated or damaged')
  }
  return result
}

function interleaved(planes: Values, bands: number): Values {
  const data = planes.slice()
  const pixels = planes.length / bands
  for (let band = 0; band < bands; band++)
    for (let pixel = 0; pixel < pixels; pixel++) data[pixel * bands + band] = planes[band * pixels + pixel]!
  return data
}

/** Removes the bits of stored values that hold something else, such as overlays. */
function signExtended(values: Values, bits: number, signed: boolean): Values {
  const shift = 32 - bits
  return values.map((value) => (signed ? (value << shift) >> shift : (value << shift) >>> shift)) as Values
}
