import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Table } from '@lancedb/lancedb'
import { expected, SelfsupError, uniforms } from '@selfsup/core'
import { type WaitOptions, waitForLock, writeAtomically } from '@selfsup/run-folder'
import { guard, guardedIteration } from './guarded.js'
import { type NewImages, rowsOf, schemaOf, textsOf, unitLength, vectorsOf } from './index-rows.js'
import { type Lance, loadLance } from './lance.js'

/** What the features of an index depend on: weights, size, normalisation. Each key has a separate index. */
export type IndexKey = Readonly<Record<string, string | number | readonly number[]>>

/** A search result. */
export interface Neighbour {
  readonly path: string
  /** the folder or file that the image was indexed with */
  readonly source: string
  /** cosine similarity of the features, -1..1 */
  readonly similarity: number
}

export interface SearchOptions {
  /** number of images; default 10 */
  readonly k?: number
  /** compare with every image, even if there is an approximate index; default false */
  readonly exact?: boolean
}

/** An index of image features in a folder. */
export interface ImageIndex {
  /** the folder of the index */
  readonly folder: string
  /** features per image; undefined while the index is empty */
  readonly width: number | undefined
  count(): Promise<number>
  /** Path, stamp and source of each image, in batches. */
  listing(): AsyncIterable<readonly { path: string; stamp: string; source: string }[]>
  /** Adds images atomically: if the process is killed, none are added. */
  add(images: NewImages): Promise<void>
  /** Removes images; ignores paths that are not in the index. */
  remove(paths: readonly string[]): Promise<void>
  /** Gives images another path, stamp and source, and keeps their features. */
  move(
    moves: readonly { readonly from: string; readonly to: string; readonly stamp: string }[],
    source: string,
  ): Promise<void>
  /** Compacts files and, with at least `approximateFrom` images, creates or updates the approximate index. */
  refresh(): Promise<void>
  /**
   * The images nearest to a vector, nearest first.
   * @throws SelfsupError if the vector's length differs from the index's width, or the vector is zero or not finite
   */
  nearest(vector: Float32Array, options?: SearchOptions): Promise<Neighbour[]>
  /** Paths and features (scaled to length 1) starting at a position. The order is stable until images are added or removed. */
  rows(from?: number): AsyncIterable<{ paths: readonly string[]; values: Float32Array }>
  /** A random sample of the images, without repetition: paths and features of length 1, row by row. */
  sample(count: number, seed?: number): Promise<{ paths: readonly string[]; values: Float32Array }>
  /** Closes the index, and lets other processes update it. */
  close(): Promise<void>
}

export interface IndexOptions {
  /** waits until no other process updates the index, and keeps others from it until it is closed; default false */
  readonly update?: boolean | WaitOptions
  /** minimum number of images for an approximate index; with fewer, every search is exact. Default 50,000 */
  readonly approximateFrom?: number
}

/** Number of partitions that a search examines, and number of candidates per result that are compared exactly. */
const [PROBES, REFINE] = [40, 10]
/** Number of paths per SQL condition. */
const AT_A_TIME = 500

const TABLE = 'images'

/** The folder of a key's index. */
function folderOf(root: string, key: IndexKey): string {
  const text = JSON.stringify(Object.entries(key).sort())
  return join(root, createHash('sha256').update(text).digest('hex').slice(0, 16))
}

/**
 * Whether there is an index for a key, and the folders of the indexes for other keys.
 * @param root folder of a run's indexes
 */
export async function findIndex(root: string, key: IndexKey): Promise<{ exists: boolean; others: string[] }> {
  const own = folderOf(root, key)
  const names = await readdir(root).catch(() => [])
  const all = names.filter((name) => /^[0-9a-f]{16}$/.test(name)).map((name) => join(root, name))
  return { exists: all.includes(own), others: all.filter((folder) => folder !== own) }
}

/**
 * Opens the index for a key. Creates it if it does not exist.
 * @param root folder of a run's indexes, which contains one index per key
 * @throws SelfsupError if LanceDB is missing or the index is damaged
 */
export async function openImageIndex(
  root: string,
  key: IndexKey,
  { approximateFrom = 50_000, update = false }: IndexOptions = {},
): Promise<ImageIndex> {
  const lance = await loadLance()
  const folder = folderOf(root, key)
  await mkdir(folder, { recursive: true })
  const lock = update ? await waitForLock(folder, update === true ? {} : update) : undefined
  try {
    return await openUnlocked(lance, folder, key, approximateFrom, async () => lock?.release())
  } catch (error) {
    await lock?.release()
    throw error
  }
}

async function openUnlocked(
  lance: Lance,
  folder: string,
  key: IndexKey,
  approximateFrom: number,
  release: () => Promise<void>,
): Promise<ImageIndex> {
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

  const index: ImageIndex = {
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
    async move(moves, source) {
      for (let at = 0; table && at < moves.length; at += AT_A_TIME) {
        const some = moves.slice(at, at + AT_A_TIME)
        const targets = new Map(some.map((move) => [move.from, move]))
        const from = [...targets.keys()].map(quoted).join(', ')
        const query = table.query().where(`path IN (${from})`).select(['path', 'vector'])
        for await (const batch of guardedIteration(folder, query)) {
          const found = textsOf(batch, 'path').map((path) => targets.get(path)!)
          await index.add({
            paths: found.map(({ to }) => to),
            stamps: found.map(({ stamp }) => stamp),
            source,
            values: Float32Array.from(vectorsOf(batch, width!)),
            width: width!,
          })
        }
        // If the process is killed before this, the next update removes the old entries.
        await index.remove([...targets.keys()])
      }
    },
    refresh: () => guarded(async () => table && refresh(lance, table, approximateFrom)),
    async nearest(vector, { k = 10, exact = false } = {}) {
      expected(Number.isInteger(k) && k >= 1, `k must be a whole number of at least 1; got ${k}`)
      if (!table) return []
      checkWidth(folder, vector.length, width!)
      const unit = unitLength(vector, 'the query')
      const found: { path: string; source: string; _distance: number }[] = await guarded(() => {
        // For vectors of length 1 the squared distance is equivalent to the cosine.
        const query = table!.query().nearestTo(unit).distanceType('l2')
        const how = exact ? query.bypassVectorIndex() : query.nprobes(PROBES).refineFactor(REFINE)
        return how.select(['path', 'source', '_distance']).limit(k).toArray()
      })
      return found.map(({ path, source, _distance }) => ({ path, source, similarity: 1 - _distance / 2 }))
    },
    async *rows(from = 0) {
      if (!table) return
      const query = table.query().select(['path', 'vector']).offset(from)
      for await (const batch of guardedIteration(folder, query))
        yield { paths: textsOf(batch, 'path'), values: vectorsOf(batch, width!) }
    },
    async sample(wanted, seed = 1) {
      const rows = table ? await index.count() : 0
      if (!table || rows === 0) return { paths: [], values: new Float32Array(0) }
      const offsets = drawn(rows, Math.min(wanted, rows), seed)
      const batches = await guarded(() => table!.takeOffsets(offsets).select(['path', 'vector']).toArrow())
      const paths: string[] = []
      const values = new Float32Array(offsets.length * width!)
      for (const batch of batches.batches) {
        values.set(vectorsOf(batch, width!), paths.length * width!)
        paths.push(...textsOf(batch, 'path'))
      }
      return { paths, values: values.subarray(0, paths.length * width!) }
    },
    async close() {
      table?.close()
      database.close()
      await release()
    },
  }
  return index
}

/**
 * Creates or updates the approximate index: inverted lists of vectors with one bit per feature (RaBitQ, Gao & Long 2024,
 * arXiv:2405.12497), whose best candidates are compared exactly. Building it is 30 times faster than product quantisation.
 */
async function refresh({ lancedb }: Lance, table: Table, approximateFrom: number): Promise<void> {
  const count = await table.countRows()
  const [index] = await table.listIndices()
  const unindexed = index && (await table.indexStats(index.name))?.numUnindexedRows
  if (count >= approximateFrom && (unindexed === undefined || unindexed > count / 4)) {
    const config = lancedb.Index.ivfRq({ distanceType: 'l2', numPartitions: Math.round(Math.sqrt(count)) })
    await table.createIndex('vector', { config, replace: true })
  }
  // Also adds new rows to the existing index.
  await table.optimize({ cleanupOlderThan: new Date() })
}

/** Whether the table was created completely: a process that was killed meanwhile leaves a folder without a version. */
async function exists(folder: string): Promise<boolean> {
  return (await readdir(join(folder, `${TABLE}.lance`, '_versions')).catch(() => [])).length > 0
}

/** Different numbers below `rows`, ascending. */
function drawn(rows: number, count: number, seed: number): number[] {
  if (count === rows) return Array.from({ length: rows }, (_, row) => row)
  const chosen = new Set<number>()
  for (let round = 0; chosen.size < count; round++)
    for (const draw of uniforms([seed, round], count)) {
      if (chosen.size < count) chosen.add(Math.min(rows - 1, Math.floor(draw * rows)))
    }
  return [...chosen].sort((a, b) => a - b)
}

async function widthOf(table: Table): Promise<number> {
  const type = (await table.schema()).fields.find(({ name }) => name === 'vector')?.type as
    | { listSize?: number }
    | undefined
  if (!type?.listSize) throw new SelfsupError('the table of the index has no features')
  return type.listSize
}

function checkWidth(folder: string, got: number, width: number): void {
  expected(
    got === width,
    `${folder}: the index has ${width} features per image; got ${got}. Features of a different network need a separate index`,
  )
}

/** Writes the key to the folder, for people who look into it. */
async function writeKey(folder: string, key: IndexKey): Promise<void> {
  const path = join(folder, 'index.json')
  const text = `${JSON.stringify({ version: 1, key }, undefined, 2)}\n`
  if ((await readFile(path, 'utf8').catch(() => '')) === text) return
  await writeAtomically(path, (file) => file.writeFile(text))
}

/** Quotes a text for SQL. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
