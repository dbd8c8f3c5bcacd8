import { maskedCrc32c } from './crc32c.js'

/**
 * Scalars of one step in a TensorBoard event file. The file is a sequence of TFRecords that contain `Event` protocol buffers
 * (tensorflow/core/util/event.proto). Only the fields that scalars need are written.
 */
export interface ScalarEvent {
  /** seconds since 1970 */
  readonly wallTime: number
  readonly step: number
  readonly scalars: Readonly<Record<string, number>>
}

/** The first record of an event file. */
export function fileVersionRecord(wallTime: number): Uint8Array {
  return record(join([double(1, wallTime), text(3, 'brain.Event:2')]))
}

/**
 * A SessionLog START record: TensorBoard discards the values that earlier files contain for `step` and later steps.
 */
export function restartRecord(wallTime: number, step: number): Uint8Array {
  return record(join([double(1, wallTime), integer(2, step), message(7, integer(1, 1))]))
}

/** A record with the values of scalars at a step. */
export function scalarRecord({ wallTime, step, scalars }: ScalarEvent): Uint8Array {
  const values = Object.entries(scalars).map(([tag, value]) =>
    message(1, join([text(1, tag), float(2, value)])),
  )
  return record(join([double(1, wallTime), integer(2, step), message(5, join(values))]))
}

/** TFRecord: length (8 bytes), its checksum (4), the data, its checksum (4). */
function record(data: Uint8Array): Uint8Array {
  const framed = Buffer.alloc(data.length + 16)
  framed.writeBigUInt64LE(BigInt(data.length))
  framed.writeUInt32LE(maskedCrc32c(framed.subarray(0, 8)), 8)
  framed.set(data, 12)
  framed.writeUInt32LE(maskedCrc32c(data), data.length + 12)
  return framed
}

const join = (parts: readonly Uint8Array[]): Uint8Array => Buffer.concat(parts)

/** Key of a field: its number and wire type (protobuf.dev/programming-guides/encoding). */
const key = (field: number, wire: number): Uint8Array => Uint8Array.of((field << 3) | wire)

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  while (rest > 127) {
    bytes.push((rest % 128) | 128)
    rest = Math.floor(rest / 128)
  }
  return Uint8Array.of(...bytes, rest)
}

const integer = (field: number, value: number): Uint8Array => join([key(field, 0), varint(value)])

function double(field: number, value: number): Uint8Array {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return join([key(field, 1), bytes])
}

function float(field: number, value: number): Uint8Array {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatLE(value)
  return join([key(field, 5), bytes])
}

const message = (field: number, data: Uint8Array): Uint8Array =>
  join([key(field, 2), varint(data.length), data])

const text = (field: number, value: string): Uint8Array => message(field, Buffer.from(value))
