import { createHash } from 'node:crypto'
import { type FileHandle, open, readdir } from 'node:fs/promises'
import { basename, dirname, extname } from 'node:path'
import { expected, SelfsupError } from '@selfsup/core'
import type { EncodedImages } from './encoded-images.js'
import { extensions } from './folder-images.js'
import { readFully } from './read-fully.js'

interface Entry {
  readonly shard: number
  readonly name: string
  readonly start: number
  readonly size: number
}

const BLOCK = 512

async function openAll(paths: readonly string[]): Promise<FileHandle[]> {
  const opened = await Promise.allSettled(paths.map((path) => open(path)))
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
 * Pictures in tar files in WebDataset form: files that share a name up to the first dot are one sample, `x.jpg` with its
 * class in `x.cls` (a number) or `x.json` ({ "label": number }). The tars are read where they are, never unpacked.
 * @param pattern one file, or several by a range in braces: `train-{000..009}.tar`
 * @throws SelfsupError naming the tar that is missing, damaged, or without pictures
 */
export async function tarImages(pattern: string): Promise<EncodedImages> {
  const shards = await expand(pattern)
  const files = await openAll(shards)
  const closeAll = () => closeEach(files)
  const entries: Entry[] = []
  const labelled = new Map<string, number>()
  try {
    for (const [shard, file] of files.entries()) {
      for await (const entry of entriesOf(file, shards[shard]!, shard)) {
        const ending = extname(entry.name).slice(1).toLowerCase()
        if (extensions.has(ending)) entries.push(entry)
        else if (ending === 'cls' || ending === 'json') {
          const label = labelOf(ending, await bytesOf(file, entry, shards[shard]!))
          if (label !== undefined) labelled.set(`${shard}:${sample(entry.name)}`, label)
        }
      }
    }
    expected(
      entries.length > 0,
      `${pattern}: no pictures; looked for files ending in ${[...extensions].join(', ')}`,
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
      return bytesOf(files[entry.shard]!, entry, shards[entry.shard]!)
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

/** `a-{00..12}.tar` to thirteen paths that must exist. */
async function expand(pattern: string): Promise<string[]> {
  const range = /\{(\d+)\.\.(\d+)\}/.exec(pattern) as [string, string, string] | null
  const paths = range
    ? Array.from({ length: Number(range[2]) - Number(range[1]) + 1 }, (_, i) =>
        pattern.replace(range[0], String(Number(range[1]) + i).padStart(range[1].length, '0')),
      )
    : [pattern]
  for (const path of paths) {
    const names = await readdir(dirname(path)).catch((): string[] => [])
    if (!names.includes(basename(path)))
      throw new SelfsupError(`${path} does not exist${range ? ` (of ${pattern})` : ''}`)
  }
  return paths
}

/** Walks the headers alone; POSIX (with pax and prefix) and GNU long names. */
async function* entriesOf(file: FileHandle, path: string, shard: number): AsyncGenerator<Entry> {
  const { size: length } = await file.stat()
  const header = Buffer.alloc(BLOCK)
  let longName: string | undefined
  for (let at = 0; at + BLOCK <= length; ) {
    await readFully(file, header, at, cutShort(path))
    if (header.every((byte) => byte === 0)) return
    if (!checksumHolds(header)) throw new SelfsupError(`${path}: no tar file, or damaged at byte ${at}`)
    const size = Number.parseInt(text(header, 124, 12).trim() || '0', 8)
    const start = at + BLOCK
    const type = String.fromCharCode(header[156]!)
    if (start + size > length)
      throw new SelfsupError(`${path}: truncated; the file at byte ${at} goes beyond the end`)
    if (type === 'L' || type === 'x') {
      const content = (await bytesOf(file, { start, size }, path)).toString('utf8')
      longName = type === 'L' ? content.replace(/\0.*$/s, '') : (paxPath(content) ?? longName)
    } else {
      const prefix = text(header, 257, 5) === 'ustar' ? text(header, 345, 155) : ''
      const short = text(header, 0, 100)
      const name = longName ?? (prefix ? `${prefix}/${short}` : short)
      longName = undefined
      if ((type === '0' || type === '\0') && !basename(name).startsWith('.'))
        yield { shard, name, start, size }
    }
    at = start + Math.ceil(size / BLOCK) * BLOCK
  }
}

function checksumHolds(header: Buffer): boolean {
  const stored = Number.parseInt(text(header, 148, 8).trim(), 8)
  const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 32 : byte), 0)
  return sum === stored
}

function paxPath(content: string): string | undefined {
  return /(?:^|\n)\d+ path=(.*)\n/.exec(content)?.[1]
}

function text(buffer: Buffer, start: number, length: number): string {
  const end = buffer.indexOf(0, start)
  return buffer.toString('utf8', start, end >= 0 && end < start + length ? end : start + length)
}

async function bytesOf(
  file: FileHandle,
  { start, size }: Pick<Entry, 'start' | 'size'>,
  path: string,
): Promise<Buffer> {
  const buffer = Buffer.alloc(size)
  await readFully(file, buffer, start, cutShort(path))
  return buffer
}

const cutShort = (path: string) => `${path}: ends earlier than when it was opened`

/** WebDataset's key: the path up to the first dot of the file's name. */
function sample(name: string): string {
  const file = basename(name)
  return name.slice(0, name.length - file.length) + file.split('.')[0]
}

function labelOf(ending: string, content: Buffer): number | undefined {
  const text = content.toString('utf8').trim()
  try {
    const value = ending === 'cls' ? Number(text) : Number(JSON.parse(text).label)
    return Number.isInteger(value) && value >= 0 ? value : undefined
  } catch {
    return undefined
  }
}
