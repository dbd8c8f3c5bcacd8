/** For tests: an uncompressed TIFF of one page, in strips. `values` are [height, width, bands]. */
export function madeTiff(
  values: Uint8Array | Uint16Array | Int16Array | Float32Array,
  [height, width, bands]: readonly [number, number, number],
  { colour = false, alpha = false, description = '', missing = '' } = {},
): Buffer {
  const bits = values.BYTES_PER_ELEMENT * 8
  const format = values instanceof Float32Array ? 3 : values instanceof Int16Array ? 2 : 1
  const extra = bands - (colour ? 3 : 1)
  const data = Buffer.from(values.buffer, values.byteOffset, values.byteLength)
  const text = Buffer.from(`${description}\0`)
  type Entry = readonly [tag: number, type: 2 | 3 | 4, numbers: readonly number[] | Buffer]
  const entries: Entry[] = [
    [256, 4, [width]],
    [257, 4, [height]],
    [258, 3, Array(bands).fill(bits)],
    [259, 3, [1]],
    [262, 3, [colour ? 2 : 1]],
    ...(description ? [[270, 2, text] as const] : []),
    [273, 4, [0]],
    [277, 3, [bands]],
    [278, 4, [height]],
    [279, 4, [data.length]],
    [284, 3, [1]],
    ...(extra > 0
      ? [[338, 3, Array.from({ length: extra }, (_, i) => (alpha && i === extra - 1 ? 2 : 0))] as const]
      : []),
    [339, 3, Array(bands).fill(format)],
    ...(missing ? [[42113, 2, Buffer.from(`${missing}\0`)] as const] : []),
  ]
  const head = 8 + 2 + entries.length * 12 + 4
  const tails: Buffer[] = []
  const tailAt = () => head + tails.reduce((sum, { length }) => sum + length, 0)
  const directory = Buffer.alloc(head)
  directory.write('II*\0', 'latin1')
  directory.writeUInt32LE(8, 4)
  directory.writeUInt16LE(entries.length, 8)
  let stripAt = 0
  for (const [i, [tag, type, numbers]] of entries.entries()) {
    const at = 10 + i * 12
    const size = type === 4 ? 4 : type === 3 ? 2 : 1
    const content = Buffer.alloc(Math.max(4, numbers.length * size))
    for (const [k, number] of [...numbers].entries()) content.writeUIntLE(number, k * size, size)
    directory.writeUInt16LE(tag, at)
    directory.writeUInt16LE(type, at + 2)
    directory.writeUInt32LE(numbers.length, at + 4)
    if (tag === 273) stripAt = at + 8
    if (numbers.length * size <= 4) content.copy(directory, at + 8)
    else {
      directory.writeUInt32LE(tailAt(), at + 8)
      tails.push(Buffer.concat([content, Buffer.alloc(content.length % 2)]))
    }
  }
  directory.writeUInt32LE(tailAt(), stripAt)
  return Buffer.concat([directory, ...tails, data])
}
