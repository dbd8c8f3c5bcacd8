import { gunzipSync } from 'node:zlib'
import { expected, type ValueType } from '@selfsup/core'
import { optionalPackage } from './optional-package.js'
import { parsed } from './parsed.js'
import { swapBytes, type ValueFacts, type ValueReader, valuesOf } from './values.js'

/** Maximum size of an unpacked volume, in bytes. */
const MOST_BYTES = 2 ** 31 - 1

/** NIfTI's numbers of types. */
const types: Readonly<Record<number, readonly [ValueType | 'float64', bytes: number, bands: number]>> = {
  2: ['uint8', 1, 1],
  4: ['int16', 2, 1],
  8: ['int32', 4, 1],
  16: ['float32', 4, 1],
  64: ['float64', 8, 1],
  128: ['uint8', 1, 3],
  256: ['int8', 1, 1],
  512: ['uint16', 2, 1],
  768: ['uint32', 4, 1],
}

/** Loads nifti-reader-js. @throws MissingPackage if it is not installed */
export const loadNifti = () => optionalPackage('NIfTI', 'nifti-reader-js', () => import('nifti-reader-js'))

/**
 * Slices of NIfTI volumes, by `nifti-reader-js`: along the third axis, and of all volumes of a series one after the other. The
 * second axis points up, as in viewers.
 */
export const niftiReader: ValueReader = {
  format: 'NIfTI',
  async facts(file) {
    return (await volumeOf(file)).facts
  },
  async values(file, page) {
    const { facts, bytes, start, stored, size, swapped, slope, intercept } = await volumeOf(file)
    const { width, height, bands } = facts
    const length = width * height * bands * size
    const from = start + page * length
    expected(from + length <= bytes.length, 'truncated or damaged')
    const slice = Buffer.from(bytes.subarray(from, from + length))
    if (swapped) swapBytes(slice, size)
    const read =
      stored === 'float64'
        ? Float32Array.from(
            new Float64Array(slice.buffer.slice(slice.byteOffset, slice.byteOffset + slice.length)),
          )
        : valuesOf(stored, slice)
    const scaled = facts.type === 'float32' && (slope !== 1 || intercept !== 0)
    const numbers = scaled ? Float32Array.from(read, (value) => value * slope + intercept) : read
    const data = numbers.slice()
    const row = width * bands
    for (let y = 0; y < height; y++)
      data.set(numbers.subarray(y * row, (y + 1) * row), (height - 1 - y) * row)
    return { data, width, height, samples: bands, alpha: false }
  },
}

interface Volume {
  readonly facts: ValueFacts
  readonly bytes: Buffer
  readonly start: number
  readonly stored: ValueType | 'float64'
  readonly size: number
  readonly swapped: boolean
  readonly slope: number
  readonly intercept: number
}

async function volumeOf(file: Buffer): Promise<Volume> {
  const nifti = await loadNifti()
  const bytes = unpacked(file)
  const header = parsed(() =>
    nifti.readHeader(
      bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + Math.min(bytes.length, 4096)) as ArrayBuffer,
    ),
  ) // prettier-ignore
  const [axes = 0, width = 0, height = 0, ...others] = header.dims
  const whole = (length: number) => Number.isSafeInteger(length) && length >= 1
  expected(
    axes >= 2 && axes <= 7 && whole(width) && whole(height),
    `a NIfTI file of dimensions [${header.dims}] is not a volume of slices`,
  )
  const lengths = others.slice(0, axes - 2)
  expected(lengths.every(whole), 'truncated or damaged')
  const pages = lengths.reduce((product, length) => product * length, 1)
  const stored = types[header.datatypeCode]
  expected(stored, `NIfTI values of type ${header.datatypeCode} are not supported`)
  const [type, size, bands] = stored
  const start = Math.floor(header.vox_offset)
  const needed = start + width * height * pages * size * bands
  expected(start >= 0 && needed <= bytes.length, 'truncated or damaged')
  // A slope of 0 means that values are not scaled.
  const slope = Number.isFinite(header.scl_slope) && header.scl_slope !== 0 ? header.scl_slope : 1
  const intercept = Number.isFinite(header.scl_inter) && header.scl_slope !== 0 ? header.scl_inter : 0
  const scaled = bands === 1 && (slope !== 1 || intercept !== 0)
  return {
    facts: {
      width,
      height,
      bands,
      type: scaled || type === 'float64' ? 'float32' : type,
      colour: bands === 3,
      transparent: false,
      pages,
      // The middle slice of the first volume: the first slices of a scan are often empty.
      usualPage: Math.floor((lengths[0] ?? 1) / 2),
    },
    bytes,
    start,
    stored: type,
    size,
    swapped: !header.littleEndian,
    slope,
    intercept,
  }
}

function unpacked(file: Buffer): Buffer {
  if (file[0] !== 0x1f || file[1] !== 0x8b) return file
  return parsed(() => gunzipSync(file, { maxOutputLength: MOST_BYTES }))
}
