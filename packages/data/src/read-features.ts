import { basename, dirname, extname, join } from 'node:path'
import { expected, SelfsupError } from '@selfsup/core'
import { readIfThere } from '@selfsup/run-folder'
import { readNpy } from './npy.js'
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

/** A list of names and numbers; more is no such list. */
const MOST_BESIDE = 2 ** 29

async function readBeside(path: string): Promise<Beside> {
  const bytes = await readIfThere(path, MOST_BESIDE)
  if (bytes === undefined) return {}
  let value: unknown
  try {
    value = JSON.parse(bytes.toString('utf8'))
  } catch (error) {
    throw new SelfsupError(`${path} is not valid JSON: ${(error as Error).message}`)
  }
  return besideOf(value, path)
}

function besideOf(value: unknown, path: string): Beside {
  const isObject = (part: unknown): part is Record<string, unknown> =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
  const isList = (part: unknown, of: (item: unknown) => boolean) =>
    part === undefined || part === null || (Array.isArray(part) && part.every(of))
  const isText = (item: unknown) => typeof item === 'string'
  const isNumber = (item: unknown) => typeof item === 'number'
  const isNumberOrNull = (item: unknown) => typeof item === 'number' || item === null
  expected(isObject(value), `${path} must hold an object: { "labels": [...], "classes": [...], ... }`)
  const { labels, classes, paths, values } = value
  expected(isList(labels, isNumber), `${path}: labels must be a list of numbers`)
  for (const [name, list] of Object.entries({ classes, paths }))
    expected(isList(list, isText), `${path}: ${name} must be a list of texts`)
  expected(
    values === undefined || values === null || isObject(values),
    `${path}: values must be lists by name`,
  )
  for (const [name, list] of Object.entries(values ?? {}))
    expected(
      Array.isArray(list) && list.every(isNumberOrNull),
      `${path}: values.${name} must be a list of numbers, null where one is unknown`,
    )
  return {
    labels: labels ?? undefined,
    classes: classes ?? undefined,
    paths: paths ?? undefined,
    values: values ?? undefined,
  } as Beside
}
