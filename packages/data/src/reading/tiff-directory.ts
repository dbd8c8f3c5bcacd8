import { expected, SelfsupError, type ValueType } from '@selfsup/core'

/** Reads bytes of a file; returns fewer at its end. */
export type ReadAt = (offset: number, length: number) => Promise<Buffer> | Buffer

/** One image in a TIFF file: an image file directory (TIFF 6.0, section 2). */
export interface TiffPage {
  readonly width: number
  readonly height: number
  readonly bits: number
  readonly samples: number
  /** undefined for complex numbers and other unusual types */
  readonly type?: ValueType
  readonly photometric: number
  readonly compression: number
  /** which corner is the first pixel (TIFF 6.0, section 8): 1 top left; from 5, rows are columns */
  readonly orientation: number
  /** meaning of the samples beyond the colour's: 1 and 2 are alpha */
  readonly extraSamples: readonly number[]
  readonly tiled: boolean
  /** each band is stored on its own */
  readonly planar: boolean
  /** a smaller version of another page */
  readonly reduced: boolean
  readonly description: string
  /** GDAL's value of missing pixels */
  readonly missing?: number
  /** whether the file contains all of its pixels */
  readonly complete: boolean
}

const tags = {
  newSubfileType: 254,
  width: 256,
  height: 257,
  bits: 258,
  compression: 259,
  photometric: 262,
  description: 270,
  stripOffsets: 273,
  orientation: 274,
  samples: 277,
  rowsPerStrip: 278,
  stripBytes: 279,
  planar: 284,
  tileWidth: 322,
  tileHeight: 323,
  tileOffsets: 324,
  tileBytes: 325,
  extraSamples: 338,
  sampleFormat: 339,
  noData: 42113,
} as const

const MOST_PAGES = 65_536
const MOST_ENTRIES = 4096
const MOST_TEXT = 2 ** 24

/** Bytes of each type of field, by its number. */
const fieldBytes: Readonly<Record<number, number>> = {
  1: 1,
  2: 1,
  3: 2,
  4: 4,
  5: 8,
  6: 1,
  7: 1,
  8: 2,
  9: 4,
  10: 8,
  11: 4,
  12: 8,
  13: 4,
  16: 8,
  17: 8,
  18: 8,
} // prettier-ignore

export const photometric = { minIsWhite: 0, minIsBlack: 1, rgb: 2, palette: 3 } as const

/**
 * Reads the directories of a TIFF or BigTIFF file, without pixels.
 * @throws SelfsupError if the file is not a TIFF, or a directory is damaged
 */
export async function tiffPages(read: ReadAt): Promise<TiffPage[]> {
  const cursor = await tiffCursor(read)
  const pages: TiffPage[] = []
  const seen = new Set<number>()
  let at = cursor.first
  while (at !== 0) {
    expected(!seen.has(at) && seen.size < MOST_PAGES, 'damaged TIFF: its directories form a loop')
    seen.add(at)
    const { fields, pieces, next } = await cursor.directory(at)
    const page = pageOf(fields)
    pages.push({ ...page, complete: hasPieces(page, fields, pieces) && (await endsInside(fields, read)) })
    at = next
  }
  expected(pages.length > 0, 'damaged TIFF: it contains no image')
  return pages
}

type Fields = ReadonlyMap<number, readonly number[] | string>

function pageOf(fields: Fields): Omit<TiffPage, 'complete'> {
  const numbers = (tag: number): readonly number[] => {
    const value = fields.get(tag)
    return Array.isArray(value) ? value : []
  }
  const number = (tag: number, otherwise: number) => numbers(tag)[0] ?? otherwise
  const text = (tag: number) => {
    const value = fields.get(tag)
    return typeof value === 'string' ? value : ''
  }
  const bits = number(tags.bits, 1)
  const missing = Number.parseFloat(text(tags.noData))
  return {
    width: number(tags.width, 0),
    height: number(tags.height, 0),
    bits,
    samples: number(tags.samples, 1),
    type: typeOf(bits, number(tags.sampleFormat, 1)),
    photometric: number(tags.photometric, photometric.minIsBlack),
    compression: number(tags.compression, 1),
    orientation: number(tags.orientation, 1),
    extraSamples: numbers(tags.extraSamples),
    tiled: fields.has(tags.tileWidth),
    planar: number(tags.planar, 1) === 2,
    reduced: (number(tags.newSubfileType, 0) & 1) === 1,
    description: text(tags.description),
    ...(!Number.isNaN(missing) && { missing }),
  }
}

/**
 * Whether a page has as many strips or tiles as its size needs. A damaged height would otherwise stand for millions of tiles to read,
 * each of which fails.
 */
function hasPieces(
  { width, height, samples, planar, tiled }: Omit<TiffPage, 'complete'>,
  fields: Fields,
  pieces: number,
): boolean {
  const side = (tag: number, otherwise: number) => Math.max(1, Number(fields.get(tag)?.[0] ?? otherwise))
  const needed = tiled
    ? Math.ceil(width / side(tags.tileWidth, width)) * Math.ceil(height / side(tags.tileHeight, height))
    : Math.ceil(height / side(tags.rowsPerStrip, height))
  return pieces >= needed * (planar ? samples : 1)
}

/** Whether the file contains the strips or tiles of a page: libtiff reads missing ones as black. Lists of more than 64 KiB are not checked. */
async function endsInside(fields: Fields, read: ReadAt): Promise<boolean> {
  const list = (tag: number, other: number) => fields.get(tag) ?? fields.get(other) ?? []
  const offsets = list(tags.stripOffsets, tags.tileOffsets) as readonly number[]
  const bytes = list(tags.stripBytes, tags.tileBytes) as readonly number[]
  // Sparse files have no bytes for empty tiles.
  const end = offsets.reduce(
    (last, offset, i) => Math.max(last, bytes[i] === 0 ? 0 : offset + (bytes[i] ?? 1)),
    0,
  )
  return end === 0 || (Number.isSafeInteger(end) && (await read(end - 1, 1)).length === 1)
}

function typeOf(bits: number, format: number): ValueType | undefined {
  if (format === 3) return bits === 16 || bits === 24 || bits === 32 || bits === 64 ? 'float32' : undefined
  const signed = format === 2
  if (format !== 1 && format !== 2 && format !== 4) return undefined
  if (bits <= 8) return signed ? 'int8' : 'uint8'
  if (bits <= 16) return signed ? 'int16' : 'uint16'
  if (bits === 32) return signed ? 'int32' : 'uint32'
  return bits === 64 ? 'float32' : undefined
}

async function tiffCursor(read: ReadAt) {
  const head = await read(0, 16)
  const order = head.toString('latin1', 0, 2)
  const little = order === 'II'
  expected(head.length >= 8 && (little || order === 'MM'), 'not a TIFF file')
  const u16 = (bytes: Buffer, at: number) => (little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at))
  const u32 = (bytes: Buffer, at: number) => (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at))
  const u64 = (bytes: Buffer, at: number) =>
    Number(little ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at))
  const big = u16(head, 2) === 43
  expected(!big || head.length === 16, 'truncated TIFF')
  const [countBytes, entryBytes, wordBytes] = big ? [8, 20, 8] : [2, 12, 4]
  const word = big ? u64 : u32
  const exactly = async (offset: number, length: number) => {
    const bytes = Number.isSafeInteger(offset) ? await read(offset, length) : Buffer.alloc(0)
    if (bytes.length < length) throw new SelfsupError('truncated or damaged', { code: 'damaged-file' })
    return bytes
  }
  const wanted: ReadonlySet<number> = new Set(Object.values(tags))
  /** The numbers or the text of an entry. */
  const contentOf = async (entry: Buffer): Promise<readonly number[] | string | undefined> => {
    const type = u16(entry, 2)
    const count = big ? u64(entry, 4) : u32(entry, 4)
    const size = fieldBytes[type]
    if (!size || count === 0 || count * size > (type === 2 ? MOST_TEXT : 2 ** 16)) return undefined
    const valueAt = big ? 12 : 8
    const bytes =
      count * size <= wordBytes
        ? entry.subarray(valueAt, valueAt + count * size)
        : await exactly(word(entry, valueAt), count * size)
    if (type === 2) return bytes.toString('utf8').replace(/\0+$/, '')
    const readers: Readonly<Record<number, (at: number) => number>> = {
      1: (at) => bytes[at]!,
      3: (at) => u16(bytes, at),
      4: (at) => u32(bytes, at),
      13: (at) => u32(bytes, at),
      16: (at) => u64(bytes, at),
    }
    const one = readers[type]
    return one && Array.from({ length: count }, (_, i) => one(i * size))
  }
  return {
    first: big ? u64(head, 8) : u32(head, 4),
    /** @returns the values of the wanted tags, and the number of strips or tiles */
    async directory(at: number): Promise<{ fields: Fields; pieces: number; next: number }> {
      const counted = await exactly(at, countBytes)
      const count = big ? u64(counted, 0) : u16(counted, 0)
      expected(count <= MOST_ENTRIES, 'damaged TIFF: a directory has too many entries')
      const body = await exactly(at + countBytes, count * entryBytes + wordBytes)
      const fields = new Map<number, readonly number[] | string>()
      let pieces = 0
      for (let i = 0; i < count; i++) {
        const entry = body.subarray(i * entryBytes, (i + 1) * entryBytes)
        const tag = u16(entry, 0)
        if (!wanted.has(tag)) continue
        if (tag === tags.stripOffsets || tag === tags.tileOffsets)
          pieces = big ? u64(entry, 4) : u32(entry, 4)
        const value = await contentOf(entry)
        if (value !== undefined) fields.set(tag, value)
      }
      return { fields, pieces, next: word(body, count * entryBytes) }
    },
  }
}
