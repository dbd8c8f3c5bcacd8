import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { earlierReading, type ImageReading, SelfsupError } from '@selfsup/core'
import { readFully } from '@selfsup/run-folder'
import { writeAtomically } from './atomic-file.js'
import { reasonOf, square } from './decode.js'
import type { EncodedImages } from './encoded-images.js'
import { FileNotRead } from './image-file.js'
import { forEachLimited } from './limited.js'
import { pixelMemory } from './memory-budget.js'
import type { Pixels } from './pixels.js'
import { fingerprintOf } from './reading/fingerprint.js'
import { imageReader } from './reading/reader.js'
import { type Records, readFrom } from './record-dataset.js'
import { smallJpegDecoder } from './small-jpeg.js'

export interface PixelCacheOptions {
  readonly folder: string
  readonly height: number
  readonly width: number
  readonly channels: number
  /** resolved; default: that of versions that did not save it */
  readonly reading?: ImageReading
  /** throw at the first image that cannot be read */
  readonly strict?: boolean
  /** most bytes of pixels to keep in memory; default: `pixelMemory()` */
  readonly memory?: number
  readonly signal?: AbortSignal
  readonly onProgress?: (done: number, total: number) => void
  /** called if the pixels are not kept in memory */
  readonly onNote?: (text: string) => void
}

/** Metadata at the end of a cache file, as JSON: it follows the pixels and is followed by its length. */
interface Contents {
  readonly format: typeof FORMAT
  readonly count: number
  /** positions of the decoded images in the listing, as runs [first, length] */
  readonly runs: readonly (readonly [number, number])[]
  readonly skipped: readonly { readonly path: string; readonly reason: string; readonly temporary?: true }[]
  /** sha256 of the pixels */
  readonly digest: string
}

const FORMAT = 'selfsup-pixels-2'
const LENGTH_BYTES = 16
const ENDED = 'the cache file of decoded images is truncated; open the images again'

/** Approximate size of the blocks in which images are written, in bytes. */
const BLOCK_BYTES = 2 ** 22

interface Failure {
  /** position in the listing */
  readonly index: number
  readonly reason: string
  readonly temporary?: true
}

/** Size of the blocks in which a cache file is checked, in bytes. */
const CHECKED_BYTES = 2 ** 24

/** Number of files that are read and decoded at the same time. */
const AT_A_TIME = 32

/**
 * Decodes small images once into one cache file of raw pixels. The key of the cache includes everything that the pixels depend
 * on: paths, file sizes, modification times and the requested size. You can delete the file at any time; a damaged file is
 * created again. Pixels of more than `memory` bytes stay on disk, and batches read them from the file.
 */
export async function cachedPixels(images: EncodedImages, options: PixelCacheOptions): Promise<Records> {
  const { folder, height, width, channels, reading = earlierReading, memory = pixelMemory() } = options
  const key = createHash('sha256')
    .update(JSON.stringify([await fingerprintOf(images, reading), height, width, channels, FORMAT]))
    .digest('hex')
    .slice(0, 24)
  const path = join(folder, `${key}.pixels`)
  const size = height * width * channels
  const known = await openCache(path, size, images.count, memory)
  // Files that the system did not give are tried again.
  const again = known?.contents.skipped.some(({ temporary }) => temporary)
  if (again) await known?.close()
  const opened = known && !again ? known : await fill(images, path, size, { ...options, memory })
  const { contents, read, close } = opened
  if (options.strict && contents.skipped.length > 0) {
    await close()
    throw new SelfsupError(`${contents.skipped[0]!.path}: ${contents.skipped[0]!.reason}`)
  }
  if (contents.count === 0) {
    throw new SelfsupError(
      `${images.name}: none of ${images.count} files could be read; the first: ${contents.skipped[0]!.path}: ${contents.skipped[0]!.reason}`,
    )
  }
  const bytes = contents.count * size
  if (bytes > memory)
    options.onNote?.(
      `${images.name}: ${contents.count} decoded images, ${megabytes(bytes)} MB, are read from the cache on disk; up to ${megabytes(memory)} MB are kept in memory (set SELFSUP_PIXEL_MEMORY to another number of MB)`,
    )
  const { labels } = images
  const positions = new Uint32Array(contents.count)
  let place = 0
  for (const [first, length] of contents.runs) for (let i = 0; i < length; i++) positions[place++] = first + i
  return {
    name: images.name,
    pathOf: (index) => images.pathOf(positions[index]!),
    count: contents.count,
    height,
    width,
    channels,
    fingerprint: key,
    classes: images.classes,
    labels: labels && Int32Array.from(positions, (position) => labels[position]!),
    skipped: contents.skipped,
    reading,
    ...(images.partOf && { partOf: (index: number) => images.partOf!(positions[index]!) }),
    read,
    close,
  }
}

interface OpenCache {
  readonly contents: Contents
  readonly read: Records['read']
  close(): Promise<void>
}

/**
 * Opens a cache file.
 * @param most maximum position of an image, exclusive
 * @param memory most bytes to load into memory
 * @returns undefined if the file is missing or damaged
 */
async function openCache(
  path: string,
  size: number,
  most: number,
  memory: number,
): Promise<OpenCache | undefined> {
  let file: FileHandle
  try {
    file = await open(path)
  } catch {
    return undefined
  }
  const contents = await readContents(file, size, most)
  const bytes = (contents?.count ?? 0) * size
  const pixels = bytes <= memory ? new Uint8Array(bytes) : undefined
  if (!contents || (await digestOf(file, bytes, pixels)) !== contents.digest) {
    await file.close()
    return undefined
  }
  if (pixels) {
    await file.close()
    return { contents, read: readFrom(pixels, size), close: async () => {} }
  }
  return {
    contents,
    read: async (positions, target) => {
      await Promise.all(
        Array.from(positions, (position, i) =>
          readFully(file, target.subarray(i * size, (i + 1) * size), position * size, ENDED),
        ),
      )
    },
    close: () => file.close(),
  }
}

/** Hash of the first `bytes` bytes of a file. @param into where to keep them, if they are to be kept */
async function digestOf(file: FileHandle, bytes: number, into?: Uint8Array): Promise<string> {
  const hash = createHash('sha256')
  const block = into ? undefined : new Uint8Array(Math.min(bytes, CHECKED_BYTES))
  for (let at = 0; at < bytes; at += CHECKED_BYTES) {
    const length = Math.min(bytes - at, CHECKED_BYTES)
    const part = into ? into.subarray(at, at + length) : block!.subarray(0, length)
    await readFully(file, part, at, ENDED)
    hash.update(part)
  }
  return hash.digest('hex')
}

async function readContents(file: FileHandle, size: number, most: number): Promise<Contents | undefined> {
  const { size: length } = await file.stat()
  try {
    const end = Buffer.alloc(LENGTH_BYTES)
    await readFully(file, end, length - LENGTH_BYTES, ENDED)
    const textLength = Number(end.toString('latin1'))
    if (!Number.isInteger(textLength) || textLength < 0 || textLength > length - LENGTH_BYTES)
      return undefined
    const text = Buffer.alloc(textLength)
    await readFully(file, text, length - LENGTH_BYTES - textLength, ENDED)
    const contents = JSON.parse(text.toString('utf8')) as Contents
    const whole = contents.format === FORMAT && length === contents.count * size + textLength + LENGTH_BYTES
    return whole && runsHold(contents, most) ? contents : undefined
  } catch {
    return undefined
  }
}

/** Whether the runs are ascending, within the listing, and contain `count` images. */
function runsHold({ runs, count, skipped }: Contents, most: number): boolean {
  let [end, sum] = [0, 0]
  for (const [first, length] of runs) {
    if (!(Number.isInteger(first) && Number.isInteger(length) && first >= end && length > 0)) return false
    end = first + length
    sum += length
  }
  return sum === count && end <= most && Array.isArray(skipped)
}

/** Decodes all images, block by block, and writes the cache file atomically. */
async function fill(
  images: EncodedImages,
  path: string,
  size: number,
  options: PixelCacheOptions & { readonly memory: number },
): Promise<OpenCache> {
  const { signal, onProgress } = options
  const failures: Failure[] = []
  const decodeFitted = await fittedDecoder(images, options)
  const block = new Uint8Array(Math.max(1, Math.min(images.count, Math.floor(BLOCK_BYTES / size))) * size)
  const hash = createHash('sha256')
  const write = async (file: FileHandle) => {
    for (let first = 0; first < images.count; first += block.length / size) {
      const length = Math.min(block.length / size, images.count - first)
      const failed = new Set<number>()
      await forEachLimited(length, AT_A_TIME, async (slot) => {
        signal?.throwIfAborted()
        try {
          block.set(await decodeFitted(first + slot), slot * size)
        } catch (error) {
          const reason = await reasonOf(error, undefined)
          if (options.strict) throw new SelfsupError(`${images.pathOf(first + slot)}: ${reason}`)
          failed.add(slot)
          failures.push({
            index: first + slot,
            reason,
            ...(error instanceof FileNotRead && { temporary: true as const }),
          })
        }
      })
      let kept = 0
      for (let slot = 0; slot < length; slot++) {
        if (failed.has(slot)) continue
        if (kept < slot) block.copyWithin(kept * size, slot * size, (slot + 1) * size)
        kept++
      }
      hash.update(block.subarray(0, kept * size))
      await file.writeFile(block.subarray(0, kept * size))
      onProgress?.(first + length, images.count)
    }
    const text = Buffer.from(JSON.stringify(contentsOf(images, failures, hash.digest('hex'))))
    await file.writeFile(Buffer.concat([text, Buffer.from(String(text.length).padStart(LENGTH_BYTES))]))
  }
  const advice = 'set SELFSUP_CACHE to another folder for decoded images'
  await writeAtomically(path, images.count * size, write, advice)
  const opened = await openCache(path, size, images.count, options.memory)
  if (!opened) throw new SelfsupError(`${path} was written but cannot be read back; delete it and try again`)
  return opened
}

function contentsOf(images: EncodedImages, failures: Failure[], digest: string): Contents {
  failures.sort((a, b) => a.index - b.index)
  const runs: [number, number][] = []
  let from = 0
  for (const stop of [...failures.map(({ index }) => index), images.count]) {
    if (stop > from) runs.push([from, stop - from])
    from = stop + 1
  }
  return {
    format: FORMAT,
    count: images.count - failures.length,
    runs,
    skipped: failures.map(({ index, ...why }) => ({ path: images.pathOf(index), ...why })),
    digest,
  }
}

/** Returns a function that decodes an image to pixels of the requested size. */
async function fittedDecoder(
  images: EncodedImages,
  { height, width, channels, reading = earlierReading }: PixelCacheOptions,
): Promise<(index: number) => Promise<Uint8Array>> {
  const decodeSmallJpeg = await smallJpegDecoder()
  const reader = imageReader(reading, channels)
  const fit = async (whole: Pixels) => {
    if (whole.width === width && whole.height === height) return whole.data
    if (height === width) return square(whole, width, channels)
    throw new SelfsupError(
      `expected ${width}x${height} pixels, as in the other images; got ${whole.width}x${whole.height}`,
    )
  }
  return async (index) => {
    if (!reader.usual || images.partOf) return reader.withImage(images, index, fit)
    const file = await images.load(index)
    const small = decodeSmallJpeg(file, channels as 1 | 3)
    return small ? fit(small) : reader.withImage(images, index, fit, file)
  }
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6)
}
