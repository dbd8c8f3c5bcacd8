import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SelfsupError } from '@selfsup/core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { HostTensor } from './host-tensor.js'
import { readMetadata, readSafetensors, verifySafetensors, writeSafetensors } from './safetensors.js'

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selfsup-safetensors-'))
  path = join(folder, 'x.safetensors')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const tensors: Record<string, HostTensor> = {
  'a/kernel': { dtype: 'float32', shape: [2, 3], values: Float32Array.of(1, -2, 3.5, 1e-30, 0, -0) },
  flag: { dtype: 'bool', shape: [3], values: Uint8Array.of(1, 0, 1) },
  count: { dtype: 'int32', shape: [], values: Int32Array.of(-7) },
  none: { dtype: 'float32', shape: [0, 4], values: new Float32Array(0) },
}

test('reads back what was written', async () => {
  await writeSafetensors(path, { tensors, metadata: { step: '3', name: 'größe' } })
  expect(await readSafetensors(path)).toEqual({ tensors, metadata: { step: '3', name: 'größe' } })
  expect(await readMetadata(path)).toMatchObject({ step: '3' })
  expect(await readdir(folder)).toEqual(['x.safetensors'])
})

test('reads a file written by the Python library', async () => {
  // safetensors 0.8: save_file({'a': float32 [[1, 2], [3, 4]], 'b': int32 [5]}, metadata={'step': '3'})
  const { base64 } = JSON.parse(
    await readFile(new URL('./fixtures/safetensors.json', import.meta.url), 'utf8'),
  )
  await writeFile(path, Buffer.from(base64, 'base64'))
  const stored = await readSafetensors(path)
  expect(stored).toEqual({
    metadata: { step: '3' },
    tensors: {
      a: { dtype: 'float32', shape: [2, 2], values: Float32Array.of(1, 2, 3, 4) },
      b: { dtype: 'int32', shape: [1], values: Int32Array.of(5) },
    },
  })
})

test('rejects a file truncated at any length or with any bit changed', async () => {
  await writeSafetensors(path, { tensors, metadata: {} })
  const whole = await readFile(path)
  for (let length = whole.length - 1; length >= 0; length -= 7) {
    await writeFile(path, whole)
    await truncate(path, length)
    await expect(readSafetensors(path), `${length} of ${whole.length} bytes`).rejects.toThrow('x.safetensors')
  }
  for (let bit = 0; bit < 8 * whole.length; bit += 3) {
    const damaged = Buffer.from(whole)
    damaged[bit >> 3]! ^= 1 << (bit & 7)
    await writeFile(path, damaged)
    // If the key of a hash changes, the file counts as one without a hash, as other programs write. Checkpoints require both.
    const read = await readSafetensors(path).catch((error: unknown) => error)
    if (read instanceof SelfsupError) continue
    expect(await verifySafetensors(path).catch((error: Error) => error.message), `bit ${bit}`).toContain(
      'no hashes',
    )
  }
  await writeFile(path, whole)
  await verifySafetensors(path)
})

const headerOf = (header: object | string, data = 16) => {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  return Buffer.concat([length, text, Buffer.alloc(data)])
}
const tensor = (from: number, to: number, shape: unknown = [(to - from) / 4], dtype = 'F32') => ({
  dtype,
  shape,
  data_offsets: [from, to],
})

test.each<[string, object | string, string]>([
  [
    'overlap',
    { a: tensor(0, 12), b: tensor(8, 16) },
    "'b' starts at byte 8, but the previous one ends at 12",
  ],
  ['leave a gap', { a: tensor(0, 4), b: tensor(8, 16) }, "'b' starts at byte 8"],
  ['start late', { a: tensor(4, 16) }, "'a' starts at byte 4"],
  ['end before the file', { a: tensor(0, 12) }, 'bytes long; it has'],
  ['go beyond the file', { a: tensor(0, 4e9, [1e9]) }, 'bytes long; it has'],
  ['have negative offsets', { a: tensor(-16, 0, [4]) }, 'two ascending whole numbers'],
  ['have descending offsets', { a: tensor(16, 0, [-4]) }, 'its shape must be a list of whole numbers'],
  [
    'have sides whose product fits',
    { a: tensor(0, 16, [-2, -2]) },
    'its shape must be a list of whole numbers',
  ],
  ['have broken sides', { a: tensor(0, 16, [8, 0.5]) }, 'its shape must be a list of whole numbers'],
  [
    'have no shape',
    { a: { dtype: 'F32', data_offsets: [0, 16] } },
    'its shape must be a list of whole numbers',
  ],
  ['are not objects', { a: 1 }, 'must be described by an object'],
  ['have a type of every object', { a: tensor(0, 16, [4], 'toString') }, 'has dtype toString'],
  ['have unknown properties', { a: { ...tensor(0, 16), strides: [1] } }, 'unknown properties: strides'],
  ['are missing', { __metadata__: {} }, 'contains no tensors'],
  [
    'have metadata with numbers',
    { __metadata__: { step: 1 }, a: tensor(0, 16) },
    'must be an object of strings',
  ],
  ['are a list', [tensor(0, 16)], 'not valid JSON'],
  ['are null', 'null', 'not valid JSON'],
])('rejects tensors that %s', async (_, header, message) => {
  await writeFile(path, headerOf(header))
  await expect(readSafetensors(path)).rejects.toThrow(message)
  await expect(readSafetensors(path)).rejects.toBeInstanceOf(SelfsupError)
})

test('a tensor can have the name of a property of every object', async () => {
  await writeFile(path, headerOf('{"__proto__":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}'))
  const stored = await readSafetensors(path)
  expect(Object.keys(stored.tensors)).toEqual(['__proto__'])
})

test('rejects other files with their names', async () => {
  await writeFile(path, 'a text, not a tensor file')
  await expect(readSafetensors(path)).rejects.toThrow(
    'x.safetensors is truncated or is not a safetensors file',
  )
  await writeFile(path, Buffer.concat([Buffer.of(4, 0, 0, 0, 0, 0, 0, 0), Buffer.from('{"a"')]))
  await expect(readSafetensors(path)).rejects.toThrow('its header is not valid JSON')
})
