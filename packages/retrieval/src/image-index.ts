import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Table } from '@lancedb/lancedb'
import { expected, SelfsupError } from '@selfsup/core'
import { writeAtomically } from '@selfsup/run-folder'
import { type NewImages, rowsOf, schemaOf, textsOf, unitLength, vectorsOf } from './index-rows.js'
import { type Lance, loadLance } from './lance.js'

/** What the features of an index depend on: weights, size, normalisation. Other features are another index. */
export type IndexKey = Readonly<Record<string, string | number | readonly number[]>>

/** An image that was found. */
export interface Neighbour {
  readonly path: string
  /** cosine of the angle between the features, -1..1; 1 for the same */
  readonly similarity: number
}

export interface SearchOptions {
  /** how many; default 10 */
  readonly k?: number
  /** compare with every image, also where there is an approximate index; default false */
  readonly exact?: boolean
}

/** Images by their features, in a folder. */
export interface ImageIndex {
  /** where it lies */
  readonly folder: string
  /** features per image; undefined as long as there is none */
  readonly width: number | undefined
  count(): Promise<number>
  /** path, stamp and source of each image, in batches */
  listing(): AsyncIterable<readonly { path: string; stamp: string; source: string }[]>
  /** Takes images in, all of them or, when the process is killed, none. */
  add(images: NewImages): Promise<void>
  /** Drops images; paths that are not there are passed over. */
  remove(paths: readonly string[]): Promise<void>
  /** Brings files together and, from `approximateFrom` images on, makes the approximate index or brings it up to date. */
  refresh(): Promise<void>
  /**
   * The images nearest to a vector, nearest first.
   * @throws SelfsupError when it has another length than the index's, or is zero or not finite
   */
  nearest(vector: Float32Array, options?: SearchOptions): Promise<Neighbour[]>
  /** paths and features (of length 1) from a position on, in an order that stays while nothing is added or removed */
  rows(from?: number): AsyncIterable<{ paths: readonly string[]; values: Float32Array }>
  close(): void
}

export interface IndexOptions {
  /** images from which on an approximate index is kept; below, every search is exact. Default 50,000 */
  readonly approximateFrom?: number
}

/** Partitions that a search looks into, and how many more candidates than wanted are compared exactly. */
const [PROBES, REFINE] = [40, 10]
/** Paths in one condition. */
const AT_A_TIME = 500

const TABLE = 'images'

/** The folder of an index below the folder of all of them. */
function folderOf(root: string, key: IndexKey): string {
  const text = JSON.stringify(Object.entries(key).sort())
  return join(root, createHash('sha256').update(text).digest('hex').slice(0, 16))
}

/**
 * Whether there is an index for a key, and how many there are for others.
 * @param root folder of a run's indexes
 */
export async function findIndex(root: string, key: IndexKey): Promise<{ exists: boolean; others: string[] }> {
  const own = folderOf(root, key)
  const names = await readdir(root).catch(() => [])
  const all = names.filter((name) => /^[0-9a-f]{16}$/.test(name)).map((name) => join(root, name))
  return { exists: all.includes(own), others: all.filter((folder) => folder !== own) }
}

/**
 * The index for a key, made where there is none.
 * @param root folder of a run's indexes: each key has one of its own in it
 * @throws SelfsupError when LanceDB is missing, or the index is damaged, with what to do
 */
export async function openImageIndex(
  root: string,
  key: IndexKey,
  { approximateFrom = 50_000 }: IndexOptions = {},
): Promise<ImageIndex> {
  const lance = await loadLance()
  const folder = folderOf(root, key)
  await mkdir(folder, { recursive: true })
  await writeKey(folder, key)
  const guarded = guard(folder)
  const database = await guarded(() => lance.lancedb.connect(folder))
  let table = await guarded(async () => ((await exists(folder)) ? database.openTable(TABLE) : undefined))
  let width = table && (await guarded(() => widthOf(table!)))

  const tableFor = async (wanted: number): Promise<Table> => {
    if (!table) {
      table = await database.createEmptyTable(TABLE, schemaOf(lance, wanted))
      width = wanted
    }
    checkWidth(folder, wanted, width!)
    return table
  }

  return {
    folder,
    get width() {
      return width
    },
    count: () => guarded(async () => table?.countRows() ?? 0),
    async *listing() {
      if (!table) return
      const query = table.query().select(['path', 'stamp', 'source'])
      for await (const batch of guardedIteration(folder, query)) {
        const [paths, stamps, sources] = ['path', 'stamp', 'source'].map((name) => textsOf(batch, name))
        yield paths!.map((path, row) => ({ path, stamp: stamps![row]!, source: sources![row]! }))
      }
    },
    async add(images) {
      if (images.paths.length === 0) return
      const rows = rowsOf(lance, images)
      await guarded(async () => (await tableFor(images.width)).add(rows))
    },
    async remove(paths) {
      for (let at = 0; table && at < paths.length; at += AT_A_TIME) {
        const some = paths.slice(at, at + AT_A_TIME).map(quoted)
        await guarded(() => table!.delete(`path IN (${some.join(', ')})`))
      }
    },
    refresh: () => guarded(async () => table && refresh(lance, table, approximateFrom)),
    async nearest(vector, { k = 10, exact = false } = {}) {
      expected(Number.isInteger(k) && k >= 1, `k must be a whole number of at least 1; got ${k}`)
      if (!table) return []
      checkWidth(folder, vector.length, width!)
      const unit = unitLength(vector, 'the query')
      const found: { path: string; _distance: number }[] = await guarded(() => {
        // Of vectors of length 1 the squared distance says what the cosine does.
        const query = table!.query().nearestTo(unit).distanceType('l2')
        const how = exact ? query.bypassVectorIndex() : query.nprobes(PROBES).refineFactor(REFINE)
        return how.select(['path', '_distance']).limit(k).toArray()
      })
      return found.map(({ path, _distance }) => ({ path, similarity: 1 - _distance / 2 }))
    },
    async *rows(from = 0) {
      if (!table) return
      const query = table.query().select(['path', 'vector']).offset(from)
      for await (const batch of guardedIteration(folder, query))
        yield { paths: textsOf(batch, 'path'), values: vectorsOf(batch, width!) }
    },
    close() {
      table?.close()
      database.close()
    },
  }
}

/**
 * Makes or renews the approximate index: inverted lists of vectors of one bit a feature (RaBitQ, Gao & Long 2024,
 * arXiv:2405.12497), whose best candidates are compared exactly. It is made 30 times faster than product quantisation.
 */
async function refresh({ lancedb }: Lance, table: Table, approximateFrom: number): Promise<void> {
  const count = await table.countRows()
  const [index] = await table.listIndices()
  const unindexed = index && (await table.indexStats(index.name))?.numUnindexedRows
  if (count >= approximateFrom && (unindexed === undefined || unindexed > count / 4)) {
    const config = lancedb.Index.ivfRq({ distanceType: 'l2', numPartitions: Math.round(Math.sqrt(count)) })
    await table.createIndex('vector', { config, replace: true })
  }
  // Also takes rows that came since into the index that there is.
  await table.optimize({ cleanupOlderThan: new Date() })
}

async function exists(folder: string): Promise<boolean> {
  return (await stat(join(folder, `${TABLE}.lance`)).catch(() => undefined))?.isDirectory() ?? false
}

async function widthOf(table: Table): Promise<number> {
  const type = (await table.schema()).fields.find(({ name }) => name === 'vector')?.type as
    | { listSize?: number }
    | undefined
  if (!type?.listSize) throw new SelfsupError('its table has no features')
  return type.listSize
}

function checkWidth(folder: string, got: number, width: number): void {
  expected(
    got === width,
    `${folder}: the index holds ${width} features per image; got ${got}. Another network's features need an index of their own`,
  )
}

/** What the index is of, for a person who looks into the folder. */
async function writeKey(folder: string, key: IndexKey): Promise<void> {
  const path = join(folder, 'index.json')
  const text = `${JSON.stringify({ version: 1, key }, undefined, 2)}\n`
  if ((await readFile(path, 'utf8').catch(() => '')) === text) return
  await writeAtomically(path, (file) => file.writeFile(text))
}

/** A text in SQL. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

function damaged(folder: string, error: unknown): SelfsupError {
  if (error instanceof SelfsupError) return error
  const [line] = String((error as Error)?.message ?? error).split('\n')
  return new SelfsupError(
    `${folder}: the index cannot be used (${line}). The images are as they were: delete that folder and index them again`,
  )
}

function guard(folder: string) {
  return async <T>(work: () => T | Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      throw damaged(folder, error)
    }
  }
}

async function* guardedIteration(
  folder: string,
  query: ReturnType<ReturnType<Table['query']>['select']>,
): AsyncIterable<import('apache-arrow').RecordBatch> {
  try {
    yield* query as AsyncIterable<import('apache-arrow').RecordBatch>
  } catch (error) {
    throw damaged(folder, error)
  }
}
