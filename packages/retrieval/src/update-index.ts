import { expected } from '@selfsup/core'
import type { ImageIndex } from './image-index.js'
import { type GoneImage, movedImages, type PresentImage } from './moved-images.js'

/** The current images, by number. */
export interface ImageListing {
  readonly count: number
  /** the folder or file of these images; indexed images of this source that no longer exist are removed */
  readonly source: string
  pathOf(image: number): string
  /** Must change when the image changes. */
  stampOf(image: number): string | Promise<string>
}

/** Features of images. Images that could not be read are missing. */
export interface EmbeddedImages {
  /** numbers of the images that have features */
  readonly images: ArrayLike<number>
  /** one row per image */
  readonly values: Float32Array
  readonly width: number
}

export interface UpdateOptions {
  /** images per write; at most this many are lost if the process is killed. Default 2048 */
  readonly chunk?: number
  readonly signal?: AbortSignal
  readonly onProgress?: (done: number, total: number) => void
}

/** Number of images by result of an update. */
export interface IndexUpdate {
  readonly added: number
  readonly changed: number
  readonly removed: number
  /** moved from another path: their features were not computed again */
  readonly moved: number
  readonly unchanged: number
  /** could not be read */
  readonly unreadable: number
  /** other indexed folders that no longer exist. Their images stay in the index; searches leave them out */
  readonly missing: readonly { readonly source: string; readonly images: number }[]
}

/**
 * Updates an index: computes features of images that are new or whose stamp differs, removes images that no longer exist,
 * and does not touch the others. Images that have moved to the listed folder, inside it or from a folder that no longer
 * exists, keep their features. If the process is killed, written images are kept, and the next update resumes there.
 * @param embed computes features of images by their numbers; may return them in any order
 * @throws SelfsupError if two images have the same path, or features do not fit the index
 */
export async function updateIndex(
  index: ImageIndex,
  images: ImageListing,
  embed: (numbers: Uint32Array) => Promise<EmbeddedImages>,
  { chunk = 2048, signal, onProgress }: UpdateOptions = {},
): Promise<IndexUpdate> {
  expected(Number.isInteger(chunk) && chunk >= 1, `updateIndex: chunk must be at least 1; got ${chunk}`)
  const { fresh, stamps, stale, removed, moves, missing, unchanged, changed } = await compare(
    index,
    images,
    signal,
  )
  // Remove before adding, so that no path is in the index twice.
  await index.remove([...stale, ...removed])
  await index.move(
    moves.map(({ from, to: { path, stamp } }) => ({ from, to: path, stamp })),
    images.source,
  )
  let written = 0
  for (let at = 0; at < fresh.length; at += chunk) {
    signal?.throwIfAborted()
    onProgress?.(at, fresh.length)
    const numbers = fresh.subarray(at, at + chunk)
    const { images: done, values, width } = await embed(numbers)
    const kept = Array.from(done)
    await index.add({
      paths: kept.map((image) => images.pathOf(image)),
      // Read before the features were computed: an image that changed in between is computed again by the next update.
      stamps: kept.map((image) => stamps[image]!),
      source: images.source,
      values,
      width,
    })
    written += kept.length
  }
  onProgress?.(fresh.length, fresh.length)
  if (fresh.length + removed.length + moves.length > 0) await index.refresh()
  return {
    added: Math.max(0, written - changed),
    changed,
    removed: removed.length,
    moved: moves.length,
    unchanged,
    unreadable: fresh.length - written,
    missing,
  }
}

/** Number of stamps that are read at the same time. */
const STAMPS = 64

async function compare(index: ImageIndex, images: ImageListing, signal: AbortSignal | undefined) {
  const numbers = new Map<string, number>()
  for (let image = 0; image < images.count; image++) numbers.set(images.pathOf(image), image)
  expected(
    numbers.size === images.count,
    `updateIndex: paths must be unique; got ${numbers.size} different paths for ${images.count} images`,
  )
  const stamps: string[] = []
  for (let at = 0; at < images.count; at += STAMPS) {
    signal?.throwIfAborted()
    const some = Array.from({ length: Math.min(STAMPS, images.count - at) }, (_, i) => at + i)
    stamps.push(...(await Promise.all(some.map((image) => images.stampOf(image)))))
  }
  const good = new Uint8Array(images.count)
  const stale: string[] = []
  const here: GoneImage[] = []
  const elsewhere = new Map<string, GoneImage[]>()
  const changed = new Set<number>()
  for await (const rows of index.listing()) {
    for (const { path, stamp, source } of rows) {
      const image = numbers.get(path)
      if (image === undefined) {
        if (isWithin({ path, source }, images.source)) here.push({ path, stamp, source })
        else add(elsewhere, { path, stamp, source })
      } else if (stamp === stamps[image] && !good[image] && !changed.has(image)) good[image] = 1
      else {
        // The stamp differs, or two concurrent updates added the image twice: add it again.
        good[image] = 0
        changed.add(image)
        stale.push(path)
      }
    }
  }
  const present = (wanted: (image: number) => boolean): PresentImage[] =>
    Array.from(numbers).flatMap(([path, image]) =>
      wanted(image) ? [{ path, image, stamp: stamps[image]! }] : [],
    )
  const { moves, gone, missing } =
    here.length + elsewhere.size === 0
      ? { moves: [], gone: [], missing: [] }
      : await movedImages(
          images.source,
          here,
          elsewhere,
          present((image) => !good[image] && !changed.has(image)),
          present((image) => good[image] === 1),
        )
  const settled = new Set(moves.map(({ to }) => to.image))
  const fresh = Uint32Array.from(good.keys()).filter((image) => !good[image] && !settled.has(image))
  return {
    fresh,
    stamps,
    stale,
    removed: gone,
    moves,
    missing,
    changed: changed.size,
    unchanged: images.count - fresh.length - moves.length,
  }
}

function add(bySource: Map<string, GoneImage[]>, image: GoneImage): void {
  const known = bySource.get(image.source)
  if (known) known.push(image)
  else bySource.set(image.source, [image])
}

/** Whether an indexed image belongs to a folder or file of images. */
function isWithin({ path, source }: Pick<GoneImage, 'path' | 'source'>, folder: string): boolean {
  return source === folder || path.startsWith(`${folder}/`) || path.startsWith(`${folder}\\`)
}

/**
 * Removes the images of a folder or file from an index, also if it no longer exists.
 * @param folder absolute path, or `path#train` and `path#test` for a source with splits
 * @returns how many images were removed
 */
export async function removeSource(index: ImageIndex, folder: string): Promise<number> {
  const gone: string[] = []
  for await (const rows of index.listing())
    for (const image of rows)
      if (isWithin(image, folder) || image.source.replace(/#(train|test)$/, '') === folder)
        gone.push(image.path)
  await index.remove(gone)
  if (gone.length > 0) await index.refresh()
  return gone.length
}
