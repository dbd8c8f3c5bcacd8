import type { ValueType } from '@selfsup/core'

/** Numbers as a file stores them. */
export type Values =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array

/** What a file contains, from its header. */
export interface ValueFacts {
  /** size of a page, upright */
  readonly width: number
  readonly height: number
  /** bands of a page, without transparency */
  readonly bands: number
  readonly type: ValueType
  /** whether the first three bands are red, green and blue */
  readonly colour: boolean
  /** whether the file has transparency */
  readonly transparent: boolean
  readonly pages: number
  /** page to use if the user chooses none; default 0 */
  readonly usualPage?: number
}

/** The values of one page, or of a region of it. */
export interface ImageValues {
  /** [height, width, bands], with alpha as the last band if the page is transparent */
  readonly data: Values
  readonly width: number
  readonly height: number
  /** number of values per pixel in `data`, alpha included */
  readonly samples: number
  readonly alpha: boolean
  /** highest value of alpha */
  readonly opaque?: number
  /** low values are bright */
  readonly inverted?: boolean
  /** value of missing pixels */
  readonly missing?: number
}

/** Region of a page in pixels. */
export type Region = {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

/** Reads one format. */
export interface ValueReader {
  /** name of the format for messages: `BMP` */
  readonly format: string
  /** Reads the header. @throws SelfsupError if it is damaged */
  facts(file: Buffer): Promise<ValueFacts>
  /** Decodes a page. @throws SelfsupError if it cannot be decoded */
  values(file: Buffer, page: number): Promise<ImageValues>
}

const arrays = {
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  float32: Float32Array,
} as const

/** Bytes of one value. */
export function valueBytes(type: ValueType): number {
  return arrays[type].BYTES_PER_ELEMENT
}

/** Views little-endian bytes as values; copies them if they are not aligned. */
export function valuesOf(type: ValueType, bytes: Uint8Array): Values {
  const Numbers = arrays[type]
  const size = Numbers.BYTES_PER_ELEMENT
  const aligned = bytes.byteOffset % size === 0 ? bytes : Uint8Array.from(bytes)
  return new Numbers(aligned.buffer as ArrayBuffer, aligned.byteOffset, Math.floor(aligned.byteLength / size))
}

/** Swaps the bytes of each value in place. */
export function swapBytes(bytes: Buffer, size: number): Buffer {
  if (size === 2) return bytes.swap16()
  if (size === 4) return bytes.swap32()
  if (size === 8) return bytes.swap64()
  return bytes
}
