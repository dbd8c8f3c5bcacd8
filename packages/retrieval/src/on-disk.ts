import { stat } from 'node:fs/promises'
import { isAbsolute } from 'node:path'
import { splitPart } from '@selfsup/core'
import type { ImageIndex, Neighbour, SearchOptions } from './image-index.js'

/** An image in an index. */
interface IndexedImage {
  readonly path: string
  readonly source: string
}

/** Whether the source is one file with many images, or a folder in a special format: `images.tar#train`. */
const container = /#(train|test)$/

/** Whether an image's path is a file of its own. */
export function isOwnFile({ source }: Pick<IndexedImage, 'source'>): boolean {
  return isAbsolute(source) && !container.test(source)
}

/** The file or folder of a source; undefined if its images are drawn, not read. */
export function sourcePath(source: string): string | undefined {
  return isAbsolute(source) ? source.replace(container, '') : undefined
}

/** Whether an image can still be read: its file, or the file or folder that contains it, exists. */
export async function isOnDisk(image: IndexedImage): Promise<boolean> {
  const path = isOwnFile(image) ? image.path : sourcePath(image.source)
  // The path of a tile or page is that of its file, with a fragment.
  return path === undefined || (await exists(path)) || (await exists(splitPart(path).file))
}

/** Whether there is a file or folder. A path that cannot be checked, without permission, counts as existing. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    ({ code }: NodeJS.ErrnoException) => code !== 'ENOENT' && code !== 'ENOTDIR',
  )
}

/**
 * The nearest images that still exist: images whose file was moved or removed since the last update are left out.
 * @returns at most `k` images, and how many nearer ones were left out
 */
export async function nearestOnDisk(
  index: ImageIndex,
  vector: Float32Array,
  { k = 10, ...options }: SearchOptions = {},
): Promise<{ neighbours: Neighbour[]; missing: number }> {
  for (let wanted = k; ; wanted *= 4) {
    const found = await index.nearest(vector, { ...options, k: wanted })
    const there = await Promise.all(found.map(isOnDisk))
    const neighbours = found.filter((_, i) => there[i]).slice(0, k)
    if (neighbours.length === k || found.length < wanted) {
      const last = neighbours.length === k ? found.indexOf(neighbours.at(-1)!) : found.length - 1
      return { neighbours, missing: there.slice(0, last + 1).filter((each) => !each).length }
    }
  }
}
