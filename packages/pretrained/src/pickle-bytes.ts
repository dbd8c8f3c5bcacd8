import { SelfsupError } from '@selfsup/core'

/** Reads the operands of a pickle. Every length is checked against the data before anything is allocated. */
export class PickleBytes {
  readonly #data: Uint8Array
  readonly #view: DataView
  position: number

  constructor(data: Uint8Array, start: number) {
    this.#data = data
    this.#view = new DataView(data.buffer, data.byteOffset, data.length)
    this.position = start
  }

  /** Moves on by `count` bytes. @returns the position before */
  skip(count: number): number {
    const at = this.position
    if (count > this.#data.length - at) throw new SelfsupError('it is truncated', { code: 'damaged-file' })
    this.position += count
    return at
  }

  byte(): number {
    return this.#view.getUint8(this.skip(1))
  }

  unsigned(bytes: 1 | 2 | 4 | 8): number {
    const at = this.skip(bytes)
    if (bytes === 1) return this.#view.getUint8(at)
    if (bytes === 2) return this.#view.getUint16(at, true)
    return bytes === 4 ? this.#view.getUint32(at, true) : Number(this.#view.getBigUint64(at, true))
  }

  int32(): number {
    return this.#view.getInt32(this.skip(4), true)
  }

  float64(): number {
    return this.#view.getFloat64(this.skip(8), false)
  }

  /** A whole number in two's complement, least significant byte first. */
  long(bytes: number): number {
    const at = this.skip(bytes)
    let value = 0n
    for (let i = 0; i < bytes; i++) value |= BigInt(this.#data[at + i]!) << BigInt(8 * i)
    return Number(BigInt.asIntN(8 * bytes, value))
  }

  take(bytes: number): Uint8Array {
    const at = this.skip(bytes)
    return this.#data.slice(at, at + bytes)
  }

  text(bytes: number): string {
    const at = this.skip(bytes)
    return new TextDecoder().decode(this.#data.subarray(at, at + bytes))
  }

  /** Text up to the end of the line. */
  line(): string {
    const end = this.#data.indexOf(10, this.position)
    if (end < 0) throw new SelfsupError('it is truncated', { code: 'damaged-file' })
    const text = this.text(end - this.position)
    this.position++
    return text
  }
}
