import { expected } from '@selfsup/core'
import type { ImageIndex } from './image-index.js'

/** Images as they are now, by number. */
export interface ImageListing {
  readonly count: number
  /** where they lie, as one: what was indexed from there and is there no more is dropped */
  readonly source: string
  pathOf(image: number): string
  /** changes when the image does */
  stampOf(image: number): string | Promise<string>
}

/** Features of some images; those that could not be read are missing. */
export interface Embedded {
  /** numbers of the images that have features */
  readonly images: ArrayLike<number>
  /** one row each */
  readonly values: Float32Array
  readonly width: number
}

export interface UpdateOptions {
  /** images whose features are written at a time: at most so many are lost when the process is killed. Default 2048 */
  readonly chunk?: number
  readonly signal?: AbortSignal
  readonly onProgress?: (done: number, total: number) => void
}

/** What an update did. */
export interface IndexUpdate {
  readonly added: number
  readonly changed: number
  readonly removed: number
  readonly unchanged: number
  /** could not be read */
  readonly unreadable: number
}

/**
 * Brings an index up to date with images: those that are new, or whose stamp differs, get features; those that are gone
 * are dropped; all others are left alone. What has been written stays when the process is killed, and the next update
 * goes on from there.
 * @param embed features of images by their numbers, in any order
 * @throws SelfsupError when two images have one path, or features don't fit the index
 */
export async function updateIndex(
  index: ImageIndex,
  images: ImageListing,
  embed: (numbers: Uint32Array) => Promise<Embedded>,
  { chunk = 2048, signal, onProgress }: UpdateOptions = {},
): Promise<IndexUpdate> {
  expected(Number.isInteger(chunk) && chunk >= 1, `updateIndex: chunk must be at least 1; got ${chunk}`)
  const { fresh, stale, removed, unchanged, changed } = await compare(index, images, signal)
  // Before any of them comes back: a path is never there twice.
  await index.remove([...stale, ...removed])
  let written = 0
  for (let at = 0; at < fresh.length; at += chunk) {
    signal?.throwIfAborted()
    onProgress?.(at, fresh.length)
    const numbers = fresh.subarray(at, at + chunk)
    const { images: done, values, width } = await embed(numbers)
    const kept = Array.from(done)
    await index.add({
      paths: kept.map((image) => images.pathOf(image)),
      stamps: await Promise.all(kept.map((image) => images.stampOf(image))),
      source: images.source,
      values,
      width,
    })
    written += kept.length
  }
  onProgress?.(fresh.length, fresh.length)
  if (fresh.length > 0 || removed.length > 0) await index.refresh()
  return {
    added: Math.max(0, written - changed),
    changed,
    removed: removed.length,
    unchanged,
    unreadable: fresh.length - written,
  }
}

/** Files whose stamps are asked for at a time. */
const STAMPS = 64

async function compare(index: ImageIndex, images: ImageListing, signal: AbortSignal | undefined) {
  const numbers = new Map<string, number>()
  for (let image = 0; image < images.count; image++) numbers.set(images.pathOf(image), image)
  expected(
    numbers.size === images.count,
    `updateIndex: ${images.count} images have only ${numbers.size} different paths`,
  )
  const stamps: string[] = []
  for (let at = 0; at < images.count; at += STAMPS) {
    signal?.throwIfAborted()
    const some = Array.from({ length: Math.min(STAMPS, images.count - at) }, (_, i) => at + i)
    stamps.push(...(await Promise.all(some.map((image) => images.stampOf(image)))))
  }
  const good = new Uint8Array(images.count)
  const stale: string[] = []
  const removed: string[] = []
  const changed = new Set<number>()
  const within = (path: string, source: string) =>
    source === images.source || path.startsWith(`${images.source}/`)
  for await (const rows of index.listing()) {
    for (const { path, stamp, source } of rows) {
      const image = numbers.get(path)
      if (image === undefined) {
        if (within(path, source)) removed.push(path)
      } else if (stamp === stamps[image] && !good[image] && !changed.has(image)) good[image] = 1
      else {
        // Another stamp; or there twice, from two updates at a time: it comes in anew.
        good[image] = 0
        changed.add(image)
        stale.push(path)
      }
    }
  }
  const fresh = Uint32Array.from(good.keys()).filter((image) => !good[image])
  return { fresh, stale, removed, changed: changed.size, unchanged: images.count - fresh.length }
}
