// What must hold in a run's folder at any time, for crash.mjs. Throws an Error that says what does not hold.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readFeatures } from '../../packages/evaluation/src/feature-cache.js'
import { openImageIndex } from '../../packages/retrieval/src/image-index.js'
import { parseRecord } from '../../packages/run-folder/src/record-schema.js'

/** Rows of the run's only index. Every row is whole, and no image is there twice. */
export async function indexedImages(run: string): Promise<Map<string, Float32Array>> {
  const root = join(run, 'index')
  const found = new Map<string, Float32Array>()
  for (const name of namesIn(root)) {
    // Killed before it wrote the key: nothing is in it.
    if (!namesIn(join(root, name)).includes('index.json')) continue
    const { key } = JSON.parse(readFileSync(join(root, name, 'index.json'), 'utf8'))
    const index = await openImageIndex(root, key)
    try {
      if (index.folder !== join(root, name)) throw new Error(`${name}: its key is of another index`)
      for await (const { paths, values } of index.rows())
        for (const [row, path] of paths.entries()) {
          const vector = values.slice(
            (row * values.length) / paths.length,
            ((row + 1) * values.length) / paths.length,
          )
          const length = Math.hypot(...vector)
          if (!(Math.abs(length - 1) < 1e-3)) throw new Error(`${path}: a vector of length ${length}`)
          if (found.has(path)) throw new Error(`${path} is in the index twice`)
          found.set(path, vector)
        }
    } finally {
      await index.close()
    }
  }
  return found
}

/** The records of the run, by file, without times. Every file that is not a temporary one is whole. */
export async function evaluatedRecords(run: string): Promise<Map<string, string>> {
  const records = new Map<string, string>()
  for (const name of namesIn(join(run, 'evaluation'))) {
    const text = readFileSync(join(run, 'evaluation', name), 'utf8')
    if (name.endsWith('.parts')) JSON.parse(text)
    else if (name.endsWith('.json')) records.set(name, withoutTimes(parseRecord(text)))
    else if (!name.startsWith('.')) throw new Error(`evaluation/${name} is not a record`)
  }
  for (const name of namesIn(join(run, 'features'))) {
    if (name.startsWith('.')) continue
    if (!(await readFeatures(join(run, 'features', name)))) throw new Error(`features/${name} is not whole`)
  }
  return records
}

/** The record as JSON, without the times that it took and that it measured. */
function withoutTimes({ seconds: _, values, charts, ...record }: ReturnType<typeof parseRecord>): string {
  return JSON.stringify({
    ...record,
    values: values.filter(({ unit }) => unit !== 'seconds'),
    charts: charts?.filter(({ x }) => !x.label.startsWith('seconds')),
  })
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
