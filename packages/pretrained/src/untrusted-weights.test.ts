import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SelfsupError } from '@selfsup/core'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../../tooling/vitest/temporary-folder.js'
import { readWeights } from './read-weights.js'
import { LEGACY_START } from './torch-legacy.js'

// Pickles by hand: each piece leaves one value on the stack.
const bytes = (...parts: (string | number | Buffer)[]) =>
  Buffer.concat(
    parts.map((part) =>
      typeof part === 'number'
        ? Buffer.of(part)
        : typeof part === 'string'
          ? Buffer.from(part, 'latin1')
          : part,
    ),
  )
const text = (value: string) => bytes('X', int32(value.length), value)
const number = (value: number) => bytes('G', double(value))
const tuple = (...items: Buffer[]) => bytes('(', ...items, 't')
const list = (...items: Buffer[]) => bytes('](', ...items, 'e')
const dictionary = (...pairs: Buffer[]) => bytes('}(', ...pairs, 'u')
const named = (module: string, name: string) => bytes('c', `${module}\n${name}\n`)
const pickle = (value: Buffer) => bytes(0x80, 2, value, '.')
const storage = (type: string, key: string, count: number, ...more: Buffer[]) =>
  bytes(tuple(text('storage'), named('torch', type), text(key), text('cpu'), number(count), ...more), 'Q')
const tensor = (of: Buffer, shape: number[], strides: number[], offset = 0) =>
  bytes(
    named('torch._utils', '_rebuild_tensor_v2'),
    tuple(of, number(offset), tuple(...shape.map(number)), tuple(...strides.map(number))),
    'R',
  )

function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4)
  buffer.writeUInt32LE(value)
  return buffer
}

function double(value: number): Buffer {
  const buffer = Buffer.alloc(8)
  buffer.writeDoubleBE(value)
  return buffer
}

/** A file before PyTorch 1.6 with one storage of four floats, called `0`. */
function legacy(value: Buffer): Buffer {
  const machine = dictionary(text('little_endian'), bytes(0x88))
  const values = Buffer.from(Float32Array.of(1, 2, 3, 4).buffer)
  return bytes(
    ...[LEGACY_START, pickle(number(1001)), pickle(machine), pickle(value), pickle(list(text('0')))],
    ...[int32(4), int32(0), values],
  )
}

/** A zip with uncompressed entries that claim the given sizes. */
function zip(entries: readonly { name: string; content: Buffer; claimed?: number }[]): Buffer {
  const files: Buffer[] = []
  const directory: Buffer[] = []
  let at = 0
  for (const { name, content, claimed = content.length } of entries) {
    const start = int32(at)
    const about = bytes(Buffer.alloc(12), int32(claimed), int32(claimed), name.length, 0, 0, 0)
    const file = bytes(int32(0x04034b50), 20, 0, about, name, content)
    directory.push(bytes(int32(0x02014b50), 20, 0, 20, 0, about, Buffer.alloc(10), start, name))
    files.push(file)
    at += file.length
  }
  const all = bytes(...directory)
  const count = bytes(entries.length, 0)
  const end = bytes(int32(0x06054b50), 0, 0, 0, 0, count, count, int32(all.length), int32(at), 0, 0)
  return bytes(...files, all, end)
}

async function read(content: Buffer): Promise<Record<string, number[]>> {
  const path = join(temporaryFolder(), 'x.pth')
  await writeFile(path, content)
  const file = await readWeights(path)
  try {
    const values: Record<string, number[]> = {}
    for (const [name, tensor] of file.tensors) values[name] = [...(await tensor.read())]
    return values
  } finally {
    await file.close()
  }
}

const whole = storage('FloatStorage', '0', 4)

test('the files of these tests are read if nothing is wrong', async () => {
  const weights = dictionary(text('w'), tensor(whole, [2, 2], [1, 2]))
  expect(await read(legacy(weights))).toEqual({ w: [1, 3, 2, 4] })
  const values = Buffer.from(Float32Array.of(1, 2, 3, 4).buffer)
  const files = [
    { name: 'x/data.pkl', content: pickle(weights) },
    { name: 'x/data/0', content: values },
  ]
  expect(await read(zip(files))).toEqual({ w: [1, 3, 2, 4] })
})

/** A list of a list twice, of a list twice, and so on: 2 ** levels texts. */
const bomb = (levels: number) =>
  bytes(
    list(text('x')),
    ...Array.from({ length: levels }, (_, i) => bytes('q', i, '0](', 'h', i, 'h', i, 'e')),
  )
const many = (count: number, item: Buffer) => Buffer.concat(Array.from({ length: count }, () => item))
const one = bytes('K', 1)
const pairs = list(many(2000, tuple(one, one)))

test.each<[string, Buffer, string]>([
  ['a name made of nested lists', bytes(bomb(60), text('x'), 0x93), 'it has a name that is not text'],
  [
    'a call with many arguments',
    bytes(named('torch', 'Size'), tuple(many(300_000, one)), 'R'),
    'it calls torch.Size with 300000 arguments',
  ],
  [
    'a list that is copied many times',
    bytes(
      ...[pairs, 'q', 0, '0('],
      many(3000, bytes(named('collections', 'OrderedDict'), 'h', 0, 0x85, 'R')),
      't',
    ),
    'it has more than 5000000 values',
  ],
  [
    'a storage with two sizes',
    dictionary(
      ...[text('a'), tensor(storage('DoubleStorage', '0', 2 ** 50), [2 ** 50], [1])],
      ...[text('b'), tensor(whole, [4], [1])],
    ),
    'storage 0 has 1125899906842624 values of type float64 in one place and 4 of type float32 in another',
  ],
  [
    'a part of a storage',
    tensor(storage('FloatStorage', '0', 4, tuple(text('1'), one, one)), [1], [1]),
    'a storage is a part of another one',
  ],
  ['a negative offset', tensor(whole, [1], [1], -1), 'the offset of a tensor must be a whole number'],
  ['negative strides', tensor(whole, [2], [-1], 1), 'the strides of a tensor must be a whole number'],
  ['a value after the last', tensor(whole, [2, 2], [1, 3]), 'does not fit into its storage of 4 values'],
  ['one value very often', tensor(whole, [2 ** 40], [0]), 'does not fit into its storage of 4 values'],
  ['a shape without strides', tensor(whole, [2, 2], [1]), 'does not fit into its storage of 4 values'],
  ['a long name', dictionary(text('n'.repeat(1001)), tensor(whole, [1], [1])), 'more than 1000 characters'],
])('%s is refused', async (_, value, problem) => {
  const error = await read(legacy(value)).catch((e: unknown) => e)
  expect(error).toBeInstanceOf(SelfsupError)
  expect((error as SelfsupError).message).toContain(problem)
})

test('a list of 300,000 items is read', async () => {
  const value = dictionary(text('w'), tensor(whole, [1], [1]), text('l'), list(many(300_000, one)))
  expect(await read(legacy(value))).toEqual({ w: [1] })
})

test('a storage that claims to be larger than the file is refused before memory is allocated', async () => {
  const claimed = 2 ** 32 - 16
  const value = dictionary(text('w'), tensor(storage('FloatStorage', '0', claimed / 4), [claimed / 4], [1]))
  const files = [
    { name: 'x/data/0', content: Buffer.alloc(8), claimed },
    { name: 'x/data.pkl', content: pickle(value) },
  ]
  await expect(read(zip(files))).rejects.toThrow('is truncated: data/0 ends outside the file')
})
