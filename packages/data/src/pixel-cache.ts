import { createHash, randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { SelfsupError } from '@selfsup/core'
import { decode, decodeSquare, type Pixels, reasonOf } from './decode.js'
import type { EncodedImages } from './encoded-images.js'
import { forEachLimited } from './limited.js'
import { type Records, readFrom } from './record-dataset.js'

export interface PixelCacheOptions {
  readonly folder: string
  readonly height: number
  readonly width: number
  readonly channels: 1 | 3
  /** resize whatever has another size to this square; otherwise such a picture is fitted to height and width */
  readonly strict?: boolean
  readonly signal?: AbortSignal
  readonly onProgress?: (done: number, total: number) => void
}

/** What stands at the head of a cache file, as one line of JSON. */
interface Head {
  readonly format: 'selfsup-pixels-1'
  readonly count: number
  readonly bytes: number
  /** listing positions of the pictures that could be decoded, as runs [first, length] */
  readonly runs: readonly (readonly [number, number])[]
  readonly skipped: readonly { readonly path: string; readonly reason: string }[]
}

/** Cache files up to this size are held in memory; larger ones are read picture by picture. */
const IN_MEMORY = 2 ** 30

/**
 * Small pictures decoded once into one file of raw pixels, keyed by everything they depend on: paths, sizes and
 * times of change, and the size wanted. The file may be deleted at any time; a damaged one is made anew.
 */
export async function cachedPixels(images: EncodedImages, options: PixelCacheOptions): Promise<Records> {
  const { folder, height, width, channels } = options
  const key = createHash('sha256')
    .update(JSON.stringify([await images.fingerprint(), height, width, channels, 'selfsup-pixels-1']))
    .digest('hex')
    .slice(0, 24)
  const path = join(folder, `${key}.pixels`)
  const size = height * width * channels
  const opened = (await openCache(path, size)) ?? (await fill(images, path, size, options))
  const { head, read, close } = opened
  if (options.strict && head.skipped.length > 0) {
    await close()
    throw new SelfsupError(`${head.skipped[0]!.path}: ${head.skipped[0]!.reason}`)
  }
  if (head.count === 0) {
    throw new SelfsupError(
      `${images.name}: none of ${images.count} files could be read; the first: ${head.skipped[0]!.path}: ${head.skipped[0]!.reason}`,
    )
  }
  const { labels } = images
  return {
    name: images.name,
    count: head.count,
    height,
    width,
    channels,
    fingerprint: key,
    classes: images.classes,
    labels:
      labels &&
      Int32Array.from(head.runs.flatMap(([first, length]) => [...labels.subarray(first, first + length)])),
    skipped: head.skipped,
    read,
    close,
  }
}

interface OpenCache {
  readonly head: Head
  readonly read: Records['read']
  close(): Promise<void>
}

async function openCache(path: string, size: number): Promise<OpenCache | undefined> {
  let file: FileHandle
  try {
    file = await open(path)
  } catch {
    return undefined
  }
  const parsed = await readHead(file)
  const { size: length } = await file.stat()
  if (!parsed || length !== parsed.start + parsed.head.count * size) {
    await file.close()
    return undefined
  }
  const { head, start } = parsed
  if (length - start <= IN_MEMORY) {
    const pixels = new Uint8Array(length - start)
    for (let at = 0; at < pixels.length; ) {
      const { bytesRead } = await file.read(pixels, at, Math.min(2 ** 26, pixels.length - at), start + at)
      if (bytesRead === 0) break
      at += bytesRead
    }
    await file.close()
    return { head, read: readFrom(pixels, size), close: async () => {} }
  }
  return {
    head,
    read: async (positions, target) => {
      await Promise.all(
        Array.from(positions, (position, i) => file.read(target, i * size, size, start + position * size)),
      )
    },
    close: () => file.close(),
  }
}

async function readHead(file: FileHandle): Promise<{ head: Head; start: number } | undefined> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(16), 0, 16, 0)
  const length = bytesRead === 16 ? Number(buffer.toString('latin1')) : Number.NaN
  if (!Number.isInteger(length)) return undefined
  const text = Buffer.alloc(length)
  if ((await file.read(text, 0, length, 16)).bytesRead !== length) return undefined
  try {
    const head = JSON.parse(text.toString('utf8')) as Head
    return head.format === 'selfsup-pixels-1' ? { head, start: 16 + length } : undefined
  } catch {
    return undefined
  }
}

/** Decodes everything into a temporary file, then moves the readable pictures together behind a head and renames it. */
async function fill(
  images: EncodedImages,
  path: string,
  size: number,
  options: PixelCacheOptions,
): Promise<OpenCache> {
  const { folder, signal, onProgress } = options
  await mkdir(folder, { recursive: true })
  const temporary = join(folder, `.${randomUUID()}`)
  const failures = new Map<number, string>()
  try {
    const scratch = await open(`${temporary}-all`, 'w+')
    try {
      let done = 0
      await forEachLimited(images.count, availableParallelism() * 4, async (index) => {
        signal?.throwIfAborted()
        try {
          const pixels = await fitted(await images.load(index), options)
          await scratch.write(pixels.data, 0, size, index * size)
        } catch (error) {
          if (signal?.aborted || isDiskTrouble(error)) throw error
          failures.set(index, reasonOf(error))
          if (options.strict) throw new SelfsupError(`${images.pathOf(index)}: ${reasonOf(error)}`)
        }
        done++
        if (done % 100 === 0 || done === images.count) onProgress?.(done, images.count)
      })
      await pack(scratch, temporary, images, failures, size)
    } finally {
      await scratch.close()
    }
    await rename(temporary, path)
  } catch (error) {
    if (isDiskTrouble(error)) {
      throw new SelfsupError(
        `${folder}: no room for the decoded pictures (${Math.ceil((images.count * size) / 1e6)} MB); make room or set SELFSUP_CACHE to another disk`,
      )
    }
    throw error
  } finally {
    await rm(temporary, { force: true })
    await rm(`${temporary}-all`, { force: true })
  }
  const opened = await openCache(path, size)
  if (!opened) throw new SelfsupError(`${path} was written but cannot be read back; delete it and try again`)
  return opened
}

async function pack(
  scratch: FileHandle,
  path: string,
  images: EncodedImages,
  failures: ReadonlyMap<number, string>,
  size: number,
): Promise<void> {
  const bad = [...failures.keys()].sort((a, b) => a - b)
  const runs: [number, number][] = []
  let from = 0
  for (const stop of [...bad, images.count]) {
    if (stop > from) runs.push([from, stop - from])
    from = stop + 1
  }
  const head: Head = {
    format: 'selfsup-pixels-1',
    count: images.count - bad.length,
    bytes: size,
    runs,
    skipped: bad.map((index) => ({ path: images.pathOf(index), reason: failures.get(index)! })),
  }
  const text = Buffer.from(JSON.stringify(head))
  const file = await open(path, 'w')
  try {
    await file.write(Buffer.concat([Buffer.from(String(text.length).padStart(16)), text]))
    const block = Buffer.alloc(Math.max(size, Math.floor(2 ** 22 / size) * size))
    for (const [first, length] of runs) {
      for (let at = 0; at < length * size; at += block.length) {
        const bytes = Math.min(block.length, length * size - at)
        await scratch.read(block, 0, bytes, first * size + at)
        await file.write(block, 0, bytes)
      }
    }
    await file.sync()
  } finally {
    await file.close()
  }
}

async function fitted(
  file: string | Buffer,
  { height, width, channels }: PixelCacheOptions,
): Promise<Pixels> {
  if (height === width) {
    const whole = await decode(file, channels)
    return whole.width === width && whole.height === height ? whole : decodeSquare(file, channels, height)
  }
  const whole = await decode(file, channels)
  if (whole.width === width && whole.height === height) return whole
  throw new SelfsupError(`${whole.width}x${whole.height} pixels where the others have ${width}x${height}`)
}

function isDiskTrouble(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')
}
