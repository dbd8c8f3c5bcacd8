/** Types of stored values: bytes per value, and their conversion to float32. */
export interface NumberType {
  readonly name: string
  readonly bytes: number
  /** @param data little-endian values */
  toFloat32(data: Uint8Array): Float32Array
}

/** Numbers of a buffer, of any type. */
type View = (buffer: ArrayBuffer, count: number) => ArrayLike<number> | ArrayLike<bigint>

function type(name: string, bytes: number, view: View, convert: (value: number) => number = Number) {
  return {
    name,
    bytes,
    toFloat32(data: Uint8Array) {
      const count = data.length / bytes
      const values = view(alignedBuffer(data), count)
      const converted = new Float32Array(count)
      for (let i = 0; i < count; i++) converted[i] = convert(values[i] as number)
      return converted
    },
  }
}

/** The bytes alone in a buffer, because a view of numbers must start at a multiple of their size. */
function alignedBuffer({ buffer, byteOffset, length }: Uint8Array): ArrayBuffer {
  const whole = byteOffset === 0 && length === buffer.byteLength
  return (whole ? buffer : buffer.slice(byteOffset, byteOffset + length)) as ArrayBuffer
}

const scratch = new DataView(new ArrayBuffer(4))

/** IEEE half precision: 1 bit of sign, 5 of exponent, 10 of fraction. */
function fromFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** The upper half of a float32. */
function fromBfloat16(bits: number): number {
  scratch.setUint32(0, (bits << 16) >>> 0)
  return scratch.getFloat32(0)
}

const float32: NumberType = {
  name: 'float32',
  bytes: 4,
  toFloat32: (data) => new Float32Array(alignedBuffer(data)),
}

/** Types of values by name. Complex, quantised and 8-bit floating-point values are not supported. */
export const numberTypes = {
  float32,
  float64: type('float64', 8, (buffer, count) => new Float64Array(buffer, 0, count)),
  float16: type('float16', 2, (buffer, count) => new Uint16Array(buffer, 0, count), fromFloat16),
  bfloat16: type('bfloat16', 2, (buffer, count) => new Uint16Array(buffer, 0, count), fromBfloat16),
  int64: type('int64', 8, (buffer, count) => new BigInt64Array(buffer, 0, count)),
  int32: type('int32', 4, (buffer, count) => new Int32Array(buffer, 0, count)),
  int16: type('int16', 2, (buffer, count) => new Int16Array(buffer, 0, count)),
  uint16: type('uint16', 2, (buffer, count) => new Uint16Array(buffer, 0, count)),
  int8: type('int8', 1, (buffer, count) => new Int8Array(buffer, 0, count)),
  uint8: type('uint8', 1, (buffer, count) => new Uint8Array(buffer, 0, count)),
  bool: type('bool', 1, (buffer, count) => new Uint8Array(buffer, 0, count)),
} as const satisfies Readonly<Record<string, NumberType>>

export type NumberTypeName = keyof typeof numberTypes
