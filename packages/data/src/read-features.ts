import { open, readFile } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { expected, SelfsupError } from '@selfsup/core'
import { readFully } from './read-fully.js'
import type { FeatureTable } from './write-features.js'

/** What a .json beside features may say. */
interface Beside {
  readonly labels?: readonly number[]
  readonly classes?: readonly string[]
  readonly paths?: readonly string[]
  readonly values?: Readonly<Record<string, readonly (number | null)[]>>
}

/** Features that were read, and numbers that are known of the images, by name; NaN where one has none. */
export interface GivenFeatures extends FeatureTable {
  readonly targets?: Readonly<Record<string, Float64Array>>
}

/**
 * Features that any program wrote: a NumPy array [count, width] of float32 or float64 (`numpy.save`), and beside it, under
 * the same name with the ending .json, `{ "labels": [...], "classes": [...], "paths": [...], "values": { name: [...] } }`,
 * each part where it is known. `writeFeatures` writes both.
 * @throws SelfsupError when the file is no such array or what stands beside it doesn't fit
 */
export async function readFeatures(path: string): Promise<GivenFeatures> {
  const { values, count, width } = await readNpy(path)
  const beside = await readBeside(join(dirname(path), `${basename(path, extname(path))}.json`))
  for (const [name, column] of Object.entries({
    labels: beside.labels,
    paths: beside.paths,
    ...beside.values,
  }))
    expected(
      column === undefined || (Array.isArray(column) && column.length === count),
      `${path}: ${name} beside it must be a list of one for each of the ${count} rows; got ${(column as unknown[] | undefined)?.length}`,
    )
  const { labels = [], classes } = beside
  const wrong = labels.findIndex((label) => !Number.isInteger(label) || label < -1)
  expected(
    wrong < 0,
    `${path}: labels beside it must be whole numbers from 0, -1 where an image has no class; label ${wrong} is ${labels[wrong]}`,
  )
  const targets =
    beside.values &&
    Object.fromEntries(
      Object.entries(beside.values).map(([name, column]) => [
        name,
        Float64Array.from(column, (value) => value ?? Number.NaN),
      ]),
    )
  return {
    values,
    count,
    width,
    ...(beside.labels && { labels: Int32Array.from(beside.labels) }),
    classes,
    paths: beside.paths,
    targets,
  }
}

async function readBeside(path: string): Promise<Beside> {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  if (text === undefined) return {}
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new SelfsupError(`${path} is no JSON: ${(error as Error).message}`)
  }
}

const types = { '<f4': Float32Array, '<f8': Float64Array } as const

/** NumPy's format, versions 1 to 3. */
async function readNpy(path: string): Promise<{ values: Float32Array; count: number; width: number }> {
  const file = await open(path).catch(() => {
    throw new SelfsupError(`${path} can't be opened`)
  })
  try {
    const isNone = `${path} is no NumPy array (.npy)`
    const head = Buffer.alloc(12)
    await readFully(file, head, 0, isNone)
    expected(head.toString('latin1', 0, 6) === '\x93NUMPY', isNone)
    const first = head[6] === 1
    const start = first ? 10 : 12
    const length = first ? head.readUInt16LE(8) : head.readUInt32LE(8)
    const described = Buffer.alloc(length)
    await readFully(file, described, start, isNone)
    const description = described.toString('latin1')
    const type = /'descr':\s*'([^']+)'/.exec(description)?.[1] ?? 'none'
    const shape = (/'shape':\s*\(([^)]*)\)/.exec(description)?.[1] ?? '')
      .split(',')
      .filter((part) => part.trim() !== '')
      .map(Number)
    expected(
      Object.hasOwn(types, type) && /'fortran_order':\s*False/.test(description) && shape.length === 2,
      `${path} must be an array [count, width] of float32 or float64 in C order; got ${description.trim()}: numpy.save(path, numpy.ascontiguousarray(features, dtype="float32"))`,
    )
    const [count, width] = shape as [number, number]
    const Numbers = types[type as keyof typeof types]
    const values = new Numbers(count * width)
    expected(count > 0 && width > 0, `${path} holds no features: its shape is [${shape}]`)
    const ended = `${path} must hold ${count} x ${width} numbers, ${values.byteLength} bytes; it ends before`
    await readFully(file, new Uint8Array(values.buffer), start + length, ended)
    return { values: values instanceof Float32Array ? values : Float32Array.from(values), count, width }
  } finally {
    await file.close()
  }
}
