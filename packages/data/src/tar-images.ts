import { createHash } from 'node:crypto'
import { type FileHandle, readdir } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { expected, SelfsupError } from '@selfsup/core'
import { openFile } from '@selfsup/run-folder'
import type { EncodedImages } from './encoded-images.js'
import { allExtensions, extensionOf, usualExtensions } from './reading/format.js'
import { type TarEntry, tarBytes, tarEntries } from './tar-entries.js'

interface Entry extends TarEntry {
  readonly shard: number
}

/** Exclusive limit of class numbers, since a list of all classes is created. ImageNet-21k has 21,841 classes. */
const MOST_CLASSES = 2 ** 20

/** Maximum size of a label file; larger files are ignored. */
const MOST_LABEL_BYTES = 2 ** 24

/** Maximum number of files that match a pattern. */
const MOST_SHARDS = 100_000

async function openAll(paths: readonly string[]): Promise<FileHandle[]> {
  const opened = await Promise.allSettled(paths.map((path) => openFile(path)))
  const failed = opened.find((outcome) => outcome.status === 'rejected')
  const files = opened.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  if (!failed) return files
  await closeEach(files)
  throw failed.reason
}

async function closeEach(files: readonly FileHandle[]): Promise<void> {
  await Promise.all(files.map((file) => file.close()))
}

/**
 * Opens images in tar files in WebDataset format. Files with the same name up to the first dot belong to one sample: `x.jpg`, with
 * its class in `x.cls` (a number) or `x.json` ({ "label": number }). The tars are read in place and not unpacked.
 * @param pattern one file, or several with a range in braces: `train-{000..009}.tar`
 * @param former only the formats of versions that did not save how images were read
 * @throws SelfsupError that names the tar that is missing, damaged or without images
 */
export async function tarImages(pattern: string, former = false): Promise<EncodedImages> {
  const extensions = former ? usualExtensions : allExtensions
  const shards = await expand(pattern)
  const files = await openAll(shards)
  const closeAll = () => closeEach(files)
  const entries: Entry[] = []
  const labelled = new Map<string, number>()
  try {
    for (const [shard, file] of files.entries()) {
      for await (const entry of tarEntries(file, shards[shard]!)) {
        if (basename(entry.name).startsWith('.')) continue
        const ending = extensionOf(basename(entry.name))
        if (extensions.has(ending)) entries.push({ ...entry, shard })
        else if ((ending === 'cls' || ending === 'json') && entry.size <= MOST_LABEL_BYTES) {
          const content = await tarBytes(file, entry, shards[shard]!)
          const label = labelOf(ending, content, `${shards[shard]}:${entry.name}`)
          if (label !== undefined) labelled.set(`${shard}:${sample(entry.name)}`, label)
        }
      }
    }
    expected(
      entries.length > 0,
      `${pattern}: no images found; looked for files ending in ${[...extensions].join(', ')}`,
    )
  } catch (error) {
    await closeAll()
    throw error
  }
  const labels = Int32Array.from(entries, ({ shard, name }) => labelled.get(`${shard}:${sample(name)}`) ?? -1)
  const most = labels.reduce((a, b) => Math.max(a, b), -1)
  const listing = createHash('sha256')
    .update(JSON.stringify(entries.map(({ name, size, start }) => [name, size, start])))
    .digest('hex')
  return {
    name: basename(pattern),
    count: entries.length,
    labels: most >= 0 ? labels : undefined,
    classes: most >= 0 ? Array.from({ length: most + 1 }, (_, label) => String(label)) : undefined,
    pathOf: (index) => `${shards[entries[index]!.shard]}:${entries[index]!.name}`,
    load: (index) => {
      const entry = entries[index]!
      return tarBytes(files[entry.shard]!, entry, shards[entry.shard]!)
    },
    async fingerprint() {
      const stats = await Promise.all(files.map((file) => file.stat()))
      return createHash('sha256')
        .update(listing)
        .update(JSON.stringify(stats.map(({ mtimeMs, size }) => [mtimeMs, size])))
        .digest('hex')
    },
    close: closeAll,
  }
}

/** Expands `a-{00..12}.tar` to thirteen paths, which must exist. */
async function expand(pattern: string): Promise<string[]> {
  const range = /\{(\d+)\.\.(\d+)\}/.exec(pattern) as [string, string, string] | null
  const count = range ? Number(range[2]) - Number(range[1]) + 1 : 1
  expected(
    count >= 1 && count <= MOST_SHARDS,
    `${pattern}: the range in braces must count upwards, over at most ${MOST_SHARDS} files`,
  )
  const paths = range
    ? Array.from({ length: count }, (_, i) =>
        pattern.replace(range[0], String(Number(range[1]) + i).padStart(range[1].length, '0')),
      )
    : [pattern]
  const foldersRead = new Map<string, Set<string>>()
  for (const path of paths) {
    const folder = dirname(path)
    const names = foldersRead.get(folder) ?? new Set(await readdir(folder).catch((): string[] => []))
    foldersRead.set(folder, names)
    if (!names.has(basename(path)))
      throw new SelfsupError(`${path} does not exist${range ? ` (of ${pattern})` : ''}`, {
        code: 'not-found',
        path,
      })
  }
  return paths
}

/** WebDataset's key: the path up to the first dot of the file's name. */
function sample(name: string): string {
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
