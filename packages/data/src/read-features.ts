import { basename, dirname, extname, join } from 'node:path'
import { expected, SelfsupError } from '@selfsup/core'
import { readIfExists } from '@selfsup/run-folder'
import { readNpy } from './npy.js'
import type { FeatureTable } from './write-features.js'

/** Content of the .json file of features. */
interface Companion {
  readonly labels?: readonly number[]
  readonly classes?: readonly string[]
  readonly paths?: readonly string[]
  readonly values?: Readonly<Record<string, readonly (number | null)[]>>
}

/** Features read from a file, and regression targets of the images by name; NaN for an image without a value. */
export interface GivenFeatures extends FeatureTable {
  readonly targets?: Readonly<Record<string, Float64Array>>
}

/**
 * Reads features that any program wrote: a NumPy array [count, width] of float32 or float64 (`numpy.save`), and an optional
 * file of the same name with the extension .json, which contains
 * `{ "labels": [...], "classes": [...], "paths": [...], "values": { name: [...] } }`; all keys are optional. `writeFeatures`
 * writes both files.
 * @throws SelfsupError if the file is not such an array, or the .json file does not match it
 */
export async function readFeatures(path: string): Promise<GivenFeatures> {
  const { values, count, width } = await readNpy(path)
  const companionPath = join(dirname(path), `${basename(path, extname(path))}.json`)
  const companion = await readCompanion(companionPath)
  for (const [name, column] of Object.entries({
    labels: companion.labels,
    paths: companion.paths,
    ...companion.values,
  }))
    expected(
      column === undefined || (Array.isArray(column) && column.length === count),
      `${companionPath}: ${name} must have ${count} items, one per row of ${basename(path)}; got ${(column as unknown[] | undefined)?.length}`,
    )
  const { labels = [], classes } = companion
  const wrong = labels.findIndex((label) => !Number.isInteger(label) || label < -1)
  expected(
    wrong < 0,
    `${companionPath}: labels must be whole numbers of at least 0, or -1 for an image without a class; label ${wrong} is ${labels[wrong]}`,
  )
  const targets =
    companion.values &&
    Object.fromEntries(
      Object.entries(companion.values).map(([name, column]) => [
        name,
        Float64Array.from(column, (value) => value ?? Number.NaN),
      ]),
    )
  return {
    values,
    count,
    width,
    ...(companion.labels && { labels: Int32Array.from(companion.labels) }),
    classes,
    paths: companion.paths,
    targets,
  }
}

/** Maximum size of the .json file. */
const MOST_COMPANION_BYTES = 2 ** 29

async function readCompanion(path: string): Promise<Companion> {
  const bytes = await readIfExists(path, MOST_COMPANION_BYTES)
  if (bytes === undefined) return {}
  let value: unknown
  try {
    value = JSON.parse(bytes.toString('utf8'))
  } catch (error) {
    throw new SelfsupError(`${path} is not valid JSON: ${(error as Error).message}`)
  }
  return companionOf(value, path)
}

function companionOf(value: unknown, path: string): Companion {
  const isObject = (part: unknown): part is Record<string, unknown> =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
  const isList = (part: unknown, of: (item: unknown) => boolean) =>
    part === undefined || part === null || (Array.isArray(part) && part.every(of))
  const isText = (item: unknown) => typeof item === 'string'
  const isNumber = (item: unknown) => typeof item === 'number'
  const isNumberOrNull = (item: unknown) => typeof item === 'number' || item === null
  expected(isObject(value), `${path} must contain an object: { "labels": [...], "classes": [...], ... }`)
  const { labels, classes, paths, values } = value
  expected(isList(labels, isNumber), `${path}: labels must be a list of numbers`)
  for (const [name, list] of Object.entries({ classes, paths }))
    expected(isList(list, isText), `${path}: ${name} must be a list of strings`)
  expected(
    values === undefined || values === null || isObject(values),
    `${path}: values must be an object of lists`,
  )
  for (const [name, list] of Object.entries(values ?? {}))
    expected(
      Array.isArray(list) && list.every(isNumberOrNull),
      `${path}: values.${name} must be a list of numbers, with null for unknown values`,
    )
  return {
    labels: labels ?? undefined,
    classes: classes ?? undefined,
    paths: paths ?? undefined,
    values: values ?? undefined,
  } as Companion
}
