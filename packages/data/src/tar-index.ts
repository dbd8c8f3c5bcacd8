import { createHash } from 'node:crypto'
import { basename, join } from 'node:path'
import { expected } from '@selfsup/core'
import { readIfExists } from '@selfsup/run-folder'
import { writeAtomically } from './atomic-file.js'
import { type ByteSource, windowed } from './byte-source.js'
import { forEachLimited } from './limited.js'
import { extensionOf } from './reading/format.js'
import { tarBytes, tarEntries } from './tar-entries.js'

/** Where the images of one or several tars are. Numbers are in arrays, because there can be millions of images. */
export interface TarIndex {
  readonly count: number
  /** number of the tar of each image */
  readonly shards: Uint32Array
  readonly starts: Float64Array
  readonly sizes: Float64Array
  /** class numbers, -1 for none */
  readonly labels: Int32Array
  /** Name of an image in its tar. */
  nameOf(image: number): string
}

/** The images of one tar. */
interface ShardIndex {
  readonly starts: number[]
  readonly sizes: number[]
  readonly labels: number[]
  readonly names: string[]
}

/** Exclusive limit of class numbers, since a list of all classes is created. ImageNet-21k has 21,841 classes. */
const MOST_CLASSES = 2 ** 20

/** Maximum size of a label file; larger files are ignored. */
const MOST_LABEL_BYTES = 2 ** 24

/** Bytes per read of a tar on disk: a header with a label file and the next header. */
const WINDOW = 4096

/** Number of tars that are read at the same time, on disk. */
const AT_A_TIME = 8

/** Indexes of at least this many images are saved; reading the headers of fewer takes less than a second. */
const WORTH_SAVING = 20_000

/** What an index depends on, and how it is made. */
interface IndexOptions {
  /** extensions of images, without the dot */
  readonly extensions: ReadonlySet<string>
  /** folder for saved indexes */
  readonly folder: string
  /** number of tars that are read at the same time; default 8 */
  readonly atATime?: number
  readonly worthSaving?: number
}

/**
 * Lists the images of tars with their classes, by reading the headers. The list of many images is saved and used again while
 * the tars have the same size and stamp.
 * @throws SelfsupError that names the tar that is damaged
 */
export async function indexTars(
  tars: readonly ByteSource[],
  { extensions, folder, atATime = AT_A_TIME, worthSaving = WORTH_SAVING }: IndexOptions,
): Promise<TarIndex> {
  const key = JSON.stringify([[...extensions], tars.map(({ path, size, stamp }) => [path, size, stamp])])
  const hash = createHash('sha256').update(key).digest('hex')
  const file = join(folder, `${hash.slice(0, 32)}.tar-index`)
  const saved = await readSaved(file, hash)
  if (saved) return saved
  const shards: ShardIndex[] = []
  await forEachLimited(tars.length, atATime, async (number) => {
    shards[number] = await indexOf(tars[number]!, extensions)
  })
  const count = shards.reduce((sum, { starts }) => sum + starts.length, 0)
  const parts = {
    shards: new Uint32Array(count),
    starts: new Float64Array(count),
    sizes: new Float64Array(count),
    labels: new Int32Array(count),
    ends: new Float64Array(count),
    names: Buffer.concat(shards.map(({ names }) => Buffer.from(names.join('')))),
  }
  let at = 0
  let end = 0
  for (const [shard, { starts, sizes, labels, names }] of shards.entries()) {
    parts.shards.fill(shard, at, at + starts.length)
    parts.starts.set(starts, at)
    parts.sizes.set(sizes, at)
    parts.labels.set(labels, at)
    for (const name of names) {
      end += Buffer.byteLength(name)
      parts.ends[at++] = end
    }
  }
  // A list that can't be saved is made again next time.
  if (count >= worthSaving) await save(file, hash, parts).catch(() => {})
  return tarIndex(parts)
}

interface Parts {
  readonly shards: Uint32Array
  readonly starts: Float64Array
  readonly sizes: Float64Array
  readonly labels: Int32Array
  /** position behind each name in `names` */
  readonly ends: Float64Array
  readonly names: Buffer
}

function tarIndex({ ends, names, ...parts }: Parts): TarIndex {
  return {
    ...parts,
    count: ends.length,
    nameOf: (image) => names.toString('utf8', image === 0 ? 0 : ends[image - 1], ends[image]),
  }
}

async function indexOf(tar: ByteSource, extensions: ReadonlySet<string>): Promise<ShardIndex> {
  const images: Omit<ShardIndex, 'labels'> = { starts: [], sizes: [], names: [] }
  const labelled = new Map<string, number>()
  const bytes = windowed(tar, WINDOW)
  for await (const entry of tarEntries(bytes, tar.path)) {
    if (basename(entry.name).startsWith('.')) continue
    const ending = extensionOf(basename(entry.name))
    if (extensions.has(ending)) {
      images.starts.push(entry.start)
      images.sizes.push(entry.size)
      images.names.push(entry.name)
    } else if ((ending === 'cls' || ending === 'json') && entry.size <= MOST_LABEL_BYTES) {
      const label = labelOf(ending, await tarBytes(bytes, entry), `${tar.path}:${entry.name}`)
      if (label !== undefined) labelled.set(sampleOf(entry.name), label)
    }
  }
  return { ...images, labels: images.names.map((name) => labelled.get(sampleOf(name)) ?? -1) }
}

/** WebDataset's key: the path up to the first dot of the file's name. */
function sampleOf(name: string): string {
  const file = basename(name)
  return name.slice(0, name.length - file.length) + file.split('.')[0]
}

/**
 * Reads the class number from a `.cls` or `.json` file.
 * @returns undefined if the file contains none, since such files can have other content
 * @throws SelfsupError for an implausibly large number
 */
function labelOf(ending: string, content: Buffer, where: string): number | undefined {
  const label = ending === 'cls' ? labelOfText(content) : labelOfJson(content)
  expected(
    label === undefined || label < MOST_CLASSES,
    `${where}: the class number must be from 0 to ${MOST_CLASSES - 1}; got ${label}`,
  )
  return label
}

function labelOfText(content: Buffer): number | undefined {
  const text = content.toString('utf8').trim()
  return /^\d+$/.test(text) ? Number(text) : undefined
}

function labelOfJson(content: Buffer): number | undefined {
  try {
    const value: unknown = JSON.parse(content.toString('utf8'))
    const label = typeof value === 'object' && value !== null && 'label' in value ? value.label : undefined
    if (typeof label === 'string') return /^\d+$/.test(label) ? Number(label) : undefined
    return typeof label === 'number' && Number.isInteger(label) && label >= 0 ? label : undefined
  } catch {
    return undefined
  }
}

// A saved index: SHA-256 of the key, SHA-256 of the rest, number of images, then the arrays and names (little endian).

const HEAD = 32 + 32 + 8

/** Bytes per image in a saved index, without its name. */
const ROW = 4 + 8 + 8 + 4 + 8

async function save(file: string, hash: string, parts: Parts): Promise<void> {
  const { shards, starts, sizes, labels, ends, names } = parts
  const arrays = [starts, sizes, ends, shards, labels, names].map(
    ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength),
  )
  const sum = createHash('sha256')
  for (const array of arrays) sum.update(array)
  const count = Buffer.alloc(8)
  count.writeDoubleLE(ends.length)
  const head = Buffer.concat([Buffer.from(hash, 'hex'), sum.digest(), count])
  const bytes = arrays.reduce((total, { length }) => total + length, HEAD)
  await writeAtomically(file, bytes, async (handle) => {
    for (const part of [head, ...arrays]) await handle.writeFile(part)
  })
}

/** @returns undefined if there is none for this key, or it is damaged */
async function readSaved(file: string, hash: string): Promise<TarIndex | undefined> {
  const bytes = await readIfExists(file, 2 ** 31).catch(() => undefined)
  if (!bytes || bytes.length < HEAD || bytes.toString('hex', 0, 32) !== hash) return undefined
  const rest = bytes.subarray(HEAD)
  const count = bytes.readDoubleLE(64)
  if (!createHash('sha256').update(rest).digest().equals(bytes.subarray(32, 64))) return undefined
  if (!Number.isSafeInteger(count) || rest.length < count * ROW) return undefined
  let at = 0
  const take = (bytesEach: number) => {
    const part = Uint8Array.from(rest.subarray(at, at + count * bytesEach)).buffer
    at += count * bytesEach
    return part
  }
  const [starts, sizes, ends] = [take(8), take(8), take(8)].map((part) => new Float64Array(part)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ]
  const [shards, labels] = [new Uint32Array(take(4)), new Int32Array(take(4))]
  return tarIndex({ shards, starts, sizes, labels, ends, names: rest.subarray(at) })
}
