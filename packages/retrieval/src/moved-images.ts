import { basename } from 'node:path'
import { exists, sourcePath } from './on-disk.js'

/** An image in an index, whose file is not where it was. */
export interface GoneImage {
  readonly path: string
  readonly stamp: string
  readonly source: string
}

/** An image of the present listing. */
export interface PresentImage {
  readonly image: number
  readonly path: string
  readonly stamp: string
}

/** Entries of an index that an update must change because files have moved. */
export interface MovedImages {
  /** entries whose image is now at another path */
  readonly moves: readonly { readonly from: string; readonly to: PresentImage }[]
  /** paths of entries to remove */
  readonly gone: readonly string[]
  /** folders that do not exist, most of whose images were not found; the entries of these stay */
  readonly missing: readonly { readonly source: string; readonly images: number }[]
}

/**
 * Matches entries whose files are gone with images that are new. Two are the same image if their stamps are equal (size and
 * modification time, which moving a file keeps) and so are their paths within their folders, or else their names, where only
 * one image of each side has that name and stamp.
 * @param here entries of the listed folder that are no longer listed
 * @param elsewhere entries of other folders, which may have moved here; ignored if their folder exists
 * @param fresh images without an entry
 * @param known images that have an entry already
 */
export async function movedImages(
  source: string,
  here: readonly GoneImage[],
  elsewhere: ReadonlyMap<string, readonly GoneImage[]>,
  fresh: readonly PresentImage[],
  known: readonly PresentImage[],
): Promise<MovedImages> {
  const free = new Map(fresh.map((image) => [image.image, image]))
  const byPlace = new Map(fresh.map((image) => [placed(image.path, source, image.stamp), image]))
  const byName = unique(fresh, ({ path, stamp }) => named(path, stamp))
  const copies = new Set([...fresh, ...known].map(({ path, stamp }) => placed(path, source, sizeOf(stamp))))

  const moves: { from: string; to: PresentImage }[] = []
  const gone: string[] = []
  const missing: { source: string; images: number }[] = []
  const groups = [[source, here] as const, ...elsewhere]
  for (const [from, entries] of groups) {
    const root = sourcePath(from)
    if (from !== source && (root === undefined || (await exists(root)))) continue
    const names = unique(entries, ({ path, stamp }) => named(path, stamp))
    const unmatched: string[] = []
    let matched = 0
    for (const entry of entries) {
      const name = named(entry.path, entry.stamp)
      const to =
        byPlace.get(placed(entry.path, from, entry.stamp)) ?? (names.has(name) ? byName.get(name) : undefined)
      if (to && free.delete(to.image)) {
        moves.push({ from: entry.path, to })
        matched++
        continue
      }
      unmatched.push(entry.path)
      // Copied with a new time, or moved by an update that was killed: the image has or gets its own entry.
      if (copies.has(placed(entry.path, from, sizeOf(entry.stamp)))) matched++
    }
    // A folder of which most images are here has moved: its other images no longer exist.
    if (from === source || 2 * matched >= entries.length) gone.push(...unmatched)
    else missing.push({ source: from, images: unmatched.length })
  }
  return { moves, gone, missing }
}

const within = (path: string, source: string): string =>
  path.startsWith(source) ? path.slice(source.length) : path
const placed = (path: string, source: string, stamp: string): string => `${within(path, source)}\n${stamp}`
/** The size in a stamp of size and modification time. */
const sizeOf = (stamp: string): string => stamp.split(' ', 1)[0]!
const named = (path: string, stamp: string): string => `${basename(path)}\n${stamp}`

/** The items whose key no other item has. */
function unique<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item> {
  const found = new Map<string, Item>()
  const several = new Set<string>()
  for (const item of items) {
    const key = keyOf(item)
    if (found.has(key)) several.add(key)
    found.set(key, item)
  }
  for (const key of several) found.delete(key)
  return found
}
