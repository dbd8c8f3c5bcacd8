import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { expected } from '@selfsup/core'
import { writeAtomically } from '@selfsup/run-folder'
import type { Features } from './features.js'

/** What features depend on. If any of it changes, they are extracted again. */
export type FeatureCacheKey = Readonly<Record<string, string | number | readonly number[]>>

/**
 * Features cached in a folder: read from there if the key is known, otherwise computed by `extract` and written (to a temporary
 * file that is then renamed, so that no incomplete file is ever read). You may delete the folder at any time.
 * @param key everything that the features depend on: weights, images, size, normalisation
 * @param keep whether to write what `extract` computed; default always
 */
export async function cachedFeatures(
  folder: string,
  key: FeatureCacheKey,
  extract: () => Promise<Features>,
  keep: () => boolean = () => true,
): Promise<Features> {
  const file = featuresFile(key)
  const path = join(folder, file)
  const stored = await readFeatures(path)
  if (stored) return stored
  const features = await extract()
  if (!keep()) return features
  // The cache only saves time: if it can't be written, the features are still valid.
  await writeAtomically(path, async (file) => {
    for (const part of encode(features)) await file.writeFile(part)
  }).catch(() => {})
  return features
}

/**
 * Joins the features of several shares of a dataset, in order.
 * @throws SelfsupError if the shares have different widths
 */
export function joinFeatures(shares: readonly Features[]): Features {
  const [first] = shares
  expected(first, 'joinFeatures: expected at least one share')
  const { width, classes } = first
  const other = shares.find((share) => share.width !== width)
  expected(!other, `joinFeatures: the shares have ${width} and ${other?.width} features`)
  const count = shares.reduce((sum, share) => sum + share.count, 0)
  const all = {
    values: new Float32Array(count * width),
    labels: new Int32Array(count),
    indices: new Int32Array(count),
  }
  let at = 0
  for (const { values, labels, indices, count: rows } of shares) {
    all.values.set(values, at * width)
    all.labels.set(labels, at)
    all.indices.set(indices, at)
    at += rows
  }
  return { ...all, count, width, classes }
}

/** Name of the file in which `cachedFeatures` stores the features of a key. */
export function featuresFile(key: FeatureCacheKey): string {
  const hash = createHash('sha256').update(JSON.stringify(Object.entries(key).sort()))
  return `${hash.digest('hex').slice(0, 24)}.features`
}

const MAGIC = 'selfsup-features-1\n'

/** Magic line, header as one line of JSON padded to 4 bytes, then values, labels, indices (little endian). */
function* encode({ values, count, width, labels, indices, classes }: Features): Generator<Uint8Array> {
  let header = `${MAGIC}${JSON.stringify({ count, width, classes })}`
  header += ' '.repeat((4 - ((Buffer.byteLength(header) + 1) % 4)) % 4)
  yield Buffer.from(`${header}\n`)
  for (const part of [values, labels, indices]) yield* blocksOf(part, BLOCK_BYTES)
}

/**
 * @param blockBytes bytes per read: whole-file reads, and some systems, are limited to 2 GiB
 * @returns undefined if the file is missing or damaged
 */
export async function readFeatures(path: string, blockBytes = BLOCK_BYTES): Promise<Features | undefined> {
  const file = await open(path).catch(() => undefined)
  if (!file) return undefined
  try {
    const start = await readHeader(file)
    if (!start) return undefined
    const { count, width, classes, end } = start
    const { size } = await file.stat()
    if (size !== end + 4 * (count * width + 2 * count)) return undefined
    const values = new Float32Array(count * width)
    const labels = new Int32Array(count)
    const indices = new Int32Array(count)
    let at = end
    for (const part of [values, labels, indices]) {
      if (!(await fill(file, part, at, blockBytes))) return undefined
      at += part.byteLength
    }
    return { values, count, width, labels, indices, classes }
  } catch {
    return undefined
  } finally {
    await file.close()
  }
}

/** Returns false if the file ends before `target` is full. */
async function fill(file: FileHandle, target: Numbers, position: number, blockBytes: number) {
  let at = position
  for (const block of blocksOf(target, blockBytes)) {
    for (let done = 0; done < block.length; ) {
      const { bytesRead } = await file.read(block, done, block.length - done, at)
      if (bytesRead === 0) return false
      done += bytesRead
      at += bytesRead
    }
  }
  return true
}

/** Longest accepted header, enough for the names of a million classes. */
const LONGEST_HEADER = 2 ** 26

async function readHeader(
  file: FileHandle,
): Promise<(Pick<Features, 'count' | 'width' | 'classes'> & { end: number }) | undefined> {
  let head = Buffer.alloc(0)
  const block = Buffer.alloc(2 ** 16)
  while (head.length < LONGEST_HEADER) {
    const { bytesRead } = await file.read(block, 0, block.length, head.length)
    head = Buffer.concat([head, block.subarray(0, bytesRead)])
    if (head.toString('latin1', 0, MAGIC.length) !== MAGIC) return undefined
    const end = head.indexOf('\n', MAGIC.length) + 1
    if (end > 0) {
      const header = headerOf(head.toString('utf8', MAGIC.length, end))
      return header && { ...header, end }
    }
    if (bytesRead === 0) return undefined
  }
  return undefined
}

function headerOf(text: string): Pick<Features, 'count' | 'width' | 'classes'> | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // damaged: the features are extracted again
  }
}

type Numbers = Float32Array | Int32Array

/** Bytes per read or write: one view can't span more than 4 GiB. */
const BLOCK_BYTES = 2 ** 26

/** Views of an array's bytes, block by block; writing to them writes to the array. */
function* blocksOf({ buffer, byteOffset, byteLength }: Numbers, blockBytes: number): Generator<Uint8Array> {
  for (let at = 0; at < byteLength; at += blockBytes)
    yield new Uint8Array(buffer, byteOffset + at, Math.min(blockBytes, byteLength - at))
}
