import { joined as join } from './bytes.js'
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
  const framed = new Uint8Array(data.length + 16)
  const numbers = new DataView(framed.buffer)
  numbers.setBigUint64(0, BigInt(data.length), true)
  numbers.setUint32(8, maskedCrc32c(framed.subarray(0, 8)), true)
  framed.set(data, 12)
  numbers.setUint32(data.length + 12, maskedCrc32c(data), true)
  return framed
}

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
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setFloat64(0, value, true)
  return join([key(field, 1), bytes])
}

function float(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setFloat32(0, value, true)
  return join([key(field, 5), bytes])
}

const message = (field: number, data: Uint8Array): Uint8Array =>
  join([key(field, 2), varint(data.length), data])

const text = (field: number, value: string): Uint8Array => message(field, new TextEncoder().encode(value))
