import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Features } from './features.js'

/** What features depend on: when any of it changes, they are extracted anew. */
export type FeatureCacheKey = Readonly<Record<string, string | number | readonly number[]>>

/**
 * Features extracted once and kept in a folder: read from there when the key has been seen, otherwise
 * made by `extract` and written (to a temporary file, then renamed, so that no half-written one is ever read).
 * The folder may be deleted at any time.
 * @param key weights, images, size, normalisation: all that the features depend on
 */
export async function cachedFeatures(
  folder: string,
  key: FeatureCacheKey,
  extract: () => Promise<Features>,
): Promise<Features> {
  const name = createHash('sha256')
    .update(JSON.stringify(Object.entries(key).sort()))
    .digest('hex')
    .slice(0, 24)
  const path = join(folder, `${name}.features`)
  const stored = await read(path)
  if (stored) return stored
  const features = await extract()
  const temporary = join(folder, `.${name}-${randomUUID()}`)
  try {
    await mkdir(folder, { recursive: true })
    await writeFile(temporary, encode(features))
    await rename(temporary, path)
  } catch {
    // The cache saves time, nothing else: without room for it the features are still good.
    await rm(temporary, { force: true }).catch(() => {})
  }
  return features
}

const MAGIC = 'selfsup-features-1\n'

/** Magic line, header as one line of JSON padded to 4 bytes, then values, labels, indices (little endian). */
function encode({ values, count, width, labels, indices, classes }: Features): Buffer[] {
  let header = `${MAGIC}${JSON.stringify({ count, width, classes })}`
  header += ' '.repeat((4 - ((Buffer.byteLength(header) + 1) % 4)) % 4)
  return [Buffer.from(`${header}\n`), bytes(values), bytes(labels), bytes(indices)]
}

async function read(path: string): Promise<Features | undefined> {
  const content = await readFile(path).catch(() => undefined)
  if (!content) return undefined
  const headerEnd = content.indexOf('\n', MAGIC.length) + 1
  if (content.toString('latin1', 0, MAGIC.length) !== MAGIC || headerEnd === 0) return undefined
  const header = headerOf(content.toString('utf8', MAGIC.length, headerEnd))
  if (!header) return undefined
  const { count, width, classes } = header
  if (content.length !== headerEnd + 4 * (count * width + 2 * count)) return undefined
  // A copy, since a small file's Buffer may lie anywhere within Node's shared pool.
  const data = content.buffer.slice(content.byteOffset + headerEnd, content.byteOffset + content.length)
  return {
    values: new Float32Array(data, 0, count * width),
    count,
    width,
    labels: new Int32Array(data, 4 * count * width, count),
    indices: new Int32Array(data, 4 * (count * width + count), count),
    classes,
  }
}

function headerOf(text: string): Pick<Features, 'count' | 'width' | 'classes'> | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // damaged: made anew
  }
}

function bytes(array: Float32Array | Int32Array): Buffer {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength)
}
