import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SelfsupError } from '@selfsup/core'
import { parquetReadObjects } from 'hyparquet'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readFeatures } from './read-features.js'
import { writeFeatures } from './write-features.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selfsup-features-'))
})
afterAll(() => rm(folder, { recursive: true }))

const values = Float32Array.from([1, 2, 3, 0.1, -5, 1e-20])
const labels = Int32Array.from([4, -1])
const paths = ['a/one.jpg', 'b/zwölf.jpg']
const table = { values, count: 2, width: 3, labels, paths }

describe('.npy', () => {
  it('follows the NumPy format: magic, version, header padded to 64 bytes, little-endian floats', async () => {
    const path = join(folder, 'features.npy')
    await writeFeatures(path, table)
    const bytes = await readFile(path)
    expect(bytes.subarray(0, 8).toString('latin1')).toBe('\x93NUMPY\x01\x00')
    const start = 10 + bytes.readUInt16LE(8)
    expect(start % 64).toBe(0)
    const head = bytes.toString('latin1', 10, start)
    expect(head).toMatch(/^\{'descr': '<f4', 'fortran_order': False, 'shape': \(2, 3\), \} *\n$/)
    expect(bytes.length).toBe(start + 24)
    expect(Array.from(values, (_, i) => bytes.readFloatLE(start + 4 * i))).toEqual([...values])
    expect(JSON.parse(await readFile(join(folder, 'features.json'), 'utf8'))).toEqual({
      labels: [4, -1],
      paths,
    })
  })

  it('writes no .json file without labels and paths', async () => {
    await writeFeatures(join(folder, 'bare.npy'), { values, count: 2, width: 3 })
    expect(await readdir(folder)).not.toContain('bare.json')
  })

  it('writes only the given part of a larger buffer', async () => {
    const path = join(folder, 'part.npy')
    await writeFeatures(path, { values: values.subarray(3), count: 1, width: 3 })
    const bytes = await readFile(path)
    expect(bytes.readFloatLE(bytes.length - 8)).toBe(-5)
  })
})

describe('.parquet', () => {
  const read = async (path: string) => {
    const { buffer, byteOffset, byteLength } = new Uint8Array(await readFile(path))
    return parquetReadObjects({ file: buffer.slice(byteOffset, byteOffset + byteLength) })
  }

  it('has one row per image', async () => {
    const path = join(folder, 'features.parquet')
    await writeFeatures(path, table)
    expect(await read(path)).toEqual([
      { path: 'a/one.jpg', label: 4, features: [...values.subarray(0, 3)] },
      { path: 'b/zwölf.jpg', label: -1, features: [...values.subarray(3)] },
    ])
  })

  it('contains the names of the classes if they are known', async () => {
    const path = join(folder, 'named.parquet')
    await writeFeatures(path, { ...table, labels: [1, -1], classes: ['cat', 'dög'] })
    expect(await read(path)).toMatchObject([
      { label: 1, class: 'dög' },
      { label: -1, class: null },
    ])
    await writeFeatures(join(folder, 'named.npy'), { ...table, classes: ['cat', 'dög'] })
    const facts = JSON.parse(await readFile(join(folder, 'named.json'), 'utf8'))
    expect(facts).toMatchObject({ classes: ['cat', 'dög'] })
  })

  it('omits columns without data', async () => {
    const path = join(folder, 'bare.parquet')
    await writeFeatures(path, { values, count: 3, width: 2 })
    expect((await read(path))[1]).toEqual({ features: [3, values[3]] })
  })

  it('is complete with several row groups', async () => {
    const path = join(folder, 'many.parquet')
    const count = 9000
    const many = Float32Array.from({ length: count * 2 }, (_, i) => i)
    await writeFeatures(path, {
      values: many,
      count,
      width: 2,
      labels: Int32Array.from({ length: count }, (_, i) => i),
    })
    const rows = await read(path)
    expect(rows.length).toBe(count)
    expect(rows[8999]).toEqual({ label: 8999, features: [17998, 17999] })
    expect(rows.every(({ label, features }, i) => label === i && features[0] === 2 * i)).toBe(true)
  })
})

it.each([
  ['a different extension', 'features.csv', table, '.npy or .parquet; got .csv'],
  ['no extension', 'features', table, 'got no extension'],
  ['too few values', 'x.npy', { ...table, width: 4 }, '8 numbers; got 6'],
  ['too few labels', 'x.npy', { ...table, labels: [1] }, 'labels must have 2 items, one per image; got 1'],
  ['too few paths', 'x.parquet', { ...table, paths: [] }, 'paths must have 2 items, one per image; got 0'],
])('rejects %s', async (_, name, bad, message) => {
  await expect(writeFeatures(join(folder, name), bad)).rejects.toThrow(message)
  await expect(writeFeatures(join(folder, name), bad)).rejects.toBeInstanceOf(SelfsupError)
})

it('throws if the folder cannot be written to, and leaves no unfinished file', async () => {
  await writeFile(join(folder, 'a-file'), '')
  await expect(writeFeatures(join(folder, 'a-file', 'x.npy'), table)).rejects.toThrow('cannot be written')
  expect((await readdir(folder)).filter((name) => name.startsWith('.'))).toEqual([])
})

describe('readFeatures', () => {
  it('reads features back, and values from the .json file', async () => {
    const path = join(folder, 'again.npy')
    await writeFeatures(path, { ...table, classes: ['a', 'b', 'c', 'd', 'e'] })
    expect(await readFeatures(path)).toMatchObject({ ...table, classes: ['a', 'b', 'c', 'd', 'e'] })
    await writeFile(join(folder, 'again.json'), JSON.stringify({ values: { size: [1.5, null] } }))
    expect((await readFeatures(path)).targets).toEqual({ size: Float64Array.of(1.5, Number.NaN) })
    await rm(join(folder, 'again.json'))
    expect((await readFeatures(path)).labels).toBeUndefined()
  })

  it('reads float64 arrays of NumPy', async () => {
    const head = "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2), }".padEnd(117).concat('\n')
    const start = Buffer.from('\x93NUMPY\x01\x00\x76\x00', 'latin1')
    await writeFile(
      join(folder, 'f8.npy'),
      Buffer.concat([start, Buffer.from(head), Buffer.from(Float64Array.of(0.5, -2).buffer)]),
    )
    expect(await readFeatures(join(folder, 'f8.npy'))).toMatchObject({
      values: Float32Array.of(0.5, -2),
      width: 2,
    })
  })

  it('rejects damaged and mismatched files', async () => {
    const path = join(folder, 'wrong.npy')
    await expect(readFeatures(path)).rejects.toThrow('wrong.npy does not exist')
    await writeFile(path, 'text, and no numbers at all')
    await expect(readFeatures(path)).rejects.toThrow('is not a NumPy array')
    await writeFeatures(path, table)
    await writeFile(join(folder, 'wrong.json'), '{ "labels": [1] }')
    await expect(readFeatures(path)).rejects.toThrow('labels must have 2 items, one per row')
    await writeFile(join(folder, 'wrong.json'), '{ "labels": [1, 0.5] }')
    await expect(readFeatures(path)).rejects.toThrow('label 1 is 0.5')
    await rm(join(folder, 'wrong.json'))
    await writeFile(path, (await readFile(path)).subarray(0, 140))
    await expect(readFeatures(path)).rejects.toThrow('must contain 2 x 3 numbers, 24 bytes; it is too short')
  })
})

describe('parts of files', () => {
  const box = { left: 448, top: 0, width: 224, height: 224 }
  const parts = [{ page: 2, box }, {}]

  it('are columns of a Parquet file; those that no image has are omitted', async () => {
    const path = join(folder, 'parts.parquet')
    await writeFeatures(path, { ...table, parts: [{ box }, {}] })
    const bytes = await readFile(path)
    const rows = await parquetReadObjects({
      file: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer,
    })
    expect(rows[0]).toMatchObject({ path: 'a/one.jpg', x: 448, y: 0, width: 224, height: 224 })
    expect(rows[0]).not.toHaveProperty('page')
    expect(rows[1]).toMatchObject({ x: null, width: null })
  })

  it('are in the .json file of a NumPy array', async () => {
    await writeFeatures(join(folder, 'parts.npy'), { ...table, parts })
    const { parts: written } = JSON.parse(await readFile(join(folder, 'parts.json'), 'utf8'))
    expect(written).toEqual([{ page: 2, box: [448, 0, 224, 224] }, {}])
    expect((await readFeatures(join(folder, 'parts.npy'))).count).toBe(2)
  })
})
