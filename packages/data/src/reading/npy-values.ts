import { expected, SelfsupError, type ValueType } from '@selfsup/core'
import { swapBytes, type ValueFacts, type ValueReader, valuesOf } from './values.js'

/** NumPy's names of types, without the byte order. */
const types: Readonly<Record<string, ValueType | 'float64' | 'float16'>> = {
  b1: 'uint8',
  u1: 'uint8',
  i1: 'int8',
  u2: 'uint16',
  i2: 'int16',
  u4: 'uint32',
  i4: 'int32',
  f4: 'float32',
  f8: 'float64',
}

/** Maximum number of bands. The shorter of the first and the last axis is that of the bands. */
const MOST_BANDS = 64

interface Layout extends ValueFacts {
  readonly stored: ValueType | 'float64'
  readonly size: number
  readonly swapped: boolean
  /** position of the first value in the file */
  readonly start: number
  /** bands are the first axis of an image, not the last */
  readonly bandsFirst: boolean
}

/**
 * Images as NumPy arrays (`numpy.save`): [height, width], [height, width, bands] or [bands, height, width], and several as
 * [pages, height, width, bands].
 */
export const npyReader: ValueReader = {
  format: 'NumPy',
  async facts(file) {
    return layoutOf(file)
  },
  async values(file, page) {
    const layout = layoutOf(file)
    const { width, height, bands, size, stored, type } = layout
    const count = width * height * bands
    const start = layout.start + page * count * size
    expected(start + count * size <= file.length, 'truncated or damaged')
    const bytes = Buffer.from(file.subarray(start, start + count * size))
    if (layout.swapped) swapBytes(bytes, size)
    const flat =
      stored === 'float64'
        ? Float32Array.from(
            new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)),
          )
        : valuesOf(type, bytes)
    if (file.toString('latin1', 0, layout.start).includes("'|b1'"))
      for (let i = 0; i < flat.length; i++) flat[i]! *= 255
    if (!layout.bandsFirst || bands === 1) return { data: flat, width, height, samples: bands, alpha: false }
    const data = flat.slice()
    for (let band = 0, from = 0; band < bands; band++)
      for (let pixel = 0; pixel < width * height; pixel++) data[pixel * bands + band] = flat[from++]!
    return { data, width, height, samples: bands, alpha: false }
  },
}

function layoutOf(file: Buffer): Layout {
  const damaged = () => new SelfsupError('truncated or damaged', { code: 'damaged-file' })
  if (file.length < 12) throw damaged()
  const head = file[6] === 1 ? 10 : 12
  const start = head + (file[6] === 1 ? file.readUInt16LE(8) : file.readUInt32LE(8))
  if (start > file.length || start > 2 ** 16) throw damaged()
  const text = file.toString('latin1', head, start)
  const [, order = '', name = ''] = /'descr':\s*'([<>|=]?)(\w+)'/.exec(text) ?? []
  const stored = Object.hasOwn(types, name) ? types[name]! : undefined
  expected(stored && stored !== 'float16', `a NumPy array of type ${name || 'none'} is not an image`)
  expected(/'fortran_order':\s*False/.test(text), 'a NumPy array in Fortran order is not supported')
  const [, list = ''] = /'shape':\s*\(([^)]*)\)/.exec(text) ?? []
  const shape = list.split(',').flatMap((length) => (length.trim() ? [Number(length)] : []))
  expected(
    shape.length >= 2 &&
      shape.length <= 4 &&
      shape.every((length) => Number.isSafeInteger(length) && length >= 1),
    `a NumPy array of shape [${shape}] is not an image: expected [height, width], [height, width, bands] or [pages, height, width, bands]`,
  )
  const image = shape.length === 4 ? shape.slice(1) : shape
  const pages = shape.length === 4 ? shape[0]! : 1
  const [height, width, bands, bandsFirst] = imageAxes(image)
  const size = Number(name[1])
  const count = shape.reduce((product, length) => product * length, 1)
  if (start + count * size !== file.length) throw damaged()
  const type = stored === 'float64' ? 'float32' : stored
  return {
    width,
    height,
    bands,
    type,
    colour: bands === 3,
    transparent: false,
    pages,
    stored,
    size,
    swapped: order === '>',
    start,
    bandsFirst,
  } // prettier-ignore
}

function imageAxes(
  shape: readonly number[],
): [height: number, width: number, bands: number, bandsFirst: boolean] {
  const [a, b, c] = shape as [number, number, number?]
  if (c === undefined) return [a, b, 1, false]
  expected(
    Math.min(a, c) <= MOST_BANDS,
    `a NumPy array of shape [${shape}] is not an image: its first or last axis must have at most ${MOST_BANDS} bands`,
  )
  return a < c ? [b, c, a, true] : [a, b, c, false]
}
