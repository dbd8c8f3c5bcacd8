import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type HostTensor, readMetadata, readSafetensors, writeSafetensors } from './safetensors.js'

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

test('what is written is read', async () => {
  await writeSafetensors(path, { tensors, metadata: { step: '3', name: 'größe' } })
  expect(await readSafetensors(path)).toEqual({ tensors, metadata: { step: '3', name: 'größe' } })
  expect(await readMetadata(path)).toMatchObject({ step: '3' })
  expect(await readdir(folder)).toEqual(['x.safetensors'])
})

test('a file written by the Python library is read', async () => {
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

test('a file cut at any length, or with any byte of its tensors changed, is refused', async () => {
  await writeSafetensors(path, { tensors, metadata: {} })
  const whole = await readFile(path)
  for (let length = whole.length - 1; length >= 0; length -= 7) {
    await writeFile(path, whole)
    await truncate(path, length)
    await expect(readSafetensors(path), `${length} of ${whole.length} bytes`).rejects.toThrow('x.safetensors')
  }
  for (let place = whole.length - 31; place < whole.length; place++) {
    const damaged = Buffer.from(whole)
    damaged[place]! ^= 4
    await writeFile(path, damaged)
    await expect(readSafetensors(path)).rejects.toThrow("don't match its checksum")
  }
})

test('other files are refused by name', async () => {
  await writeFile(path, 'a text that is no tensor file at all')
  await expect(readSafetensors(path)).rejects.toThrow('x.safetensors is cut short or no safetensors file')
  await writeFile(path, Buffer.concat([Buffer.of(4, 0, 0, 0, 0, 0, 0, 0), Buffer.from('{"a"')]))
  await expect(readSafetensors(path)).rejects.toThrow('holds no tensors')
})
