import { createHash } from 'node:crypto'
import { stat as statCallback } from 'node:fs'
import { opendir, realpath, stat } from 'node:fs/promises'
import { basename, relative, resolve, sep } from 'node:path'
import { promisify } from 'node:util'
import { SelfsupError } from '@selfsup/core'
import type { EncodedImages } from './encoded-images.js'
import { FormerLinks, type Links, LinksOnce } from './folder-links.js'
import { readImageFile } from './image-file.js'
import { forEachLimited } from './limited.js'
import { PathList } from './path-list.js'
import { allExtensions, extensionOf, packagesByExtension, usualExtensions } from './reading/format.js'
import { MissingPackage } from './reading/optional-package.js'

// For many small files, the callback function takes half the time of that of node:fs/promises.
const factsOf = promisify(statCallback)

const GONE = { size: -1, mtimeMs: -1 }

/** Number of files that are read at the same time. */
const AT_A_TIME = 32

/** Extensions of image files, without the dot. */
export const extensions: ReadonlySet<string> = allExtensions

/** Maximum number of positions to keep for each extension. */
const MOST_EXAMPLES = 64

/** Kind of links whose target is gone, or cannot be reached. */
const DANGLING = 'links to missing files'

export interface FolderOptions {
  /** only the formats, and the handling of links, of versions that did not save how images were read */
  readonly former?: boolean
  /** called with what is left out */
  readonly onNote?: (text: string) => void
}

/**
 * Finds all images below a folder, in the order of their paths. If there are subfolders, the names of the first level are the
 * classes, in alphabetical order (as in torchvision's ImageFolder); images directly in the folder have no class. A folder that is
 * reached several times through links is listed once. Files of formats whose package is not installed are left out.
 * @throws SelfsupError if there are no images; the message says what was looked for and what was found
 */
export async function folderImages(path: string, options: FolderOptions = {}): Promise<EncodedImages> {
  const { former = false, onNote } = options
  const root = resolve(path)
  const wanted = former ? usualExtensions : allExtensions
  let listing = await listed(root, wanted, former)
  const missing = await missingPackages(listing.examples)
  if (missing.length > 0) {
    const without = missing.flatMap(({ endings }) => endings)
    const lines = missing.map((kind) => leftOut(kind, listing.counts))
    listing = await listed(root, new Set([...wanted].filter((ending) => !without.includes(ending))), former)
    if (listing.paths.length === 0)
      throw new SelfsupError(`${path}: ${lines.join('; ')}`, { code: 'package-missing' })
    for (const line of lines) onNote?.(`${path}: ${line}`)
    for (const ending of without) listing.others.delete(`.${ending} files`)
  }
  const { paths, others, examples, misnamed } = listing
  const renaming =
    misnamed > 0 &&
    `left out ${misnamed} ${misnamed === 1 ? 'file or folder whose name is' : 'files or folders whose names are'} not UTF-8; rename them, for example with: convmv -r -f latin1 -t utf8 --notest FOLDER`
  const found = [...others]
    .sort((a, b) => b[1] - a[1])
    .slice(0, 5)
    .map(([kind, count]) => `${count} ${count === 1 ? kind.replace(/^((\S* )?(file|link))s/, '$1') : kind}`)
  if (paths.length === 0) {
    throw new SelfsupError(
      `${path}: no images found; looked for ${[...wanted].join(', ')} in it and its subfolders${found.length > 0 ? `; found ${found.slice(0, 3).join(', ')}` : renaming ? `; ${renaming}` : '; it is empty'}`,
      { fix: conversionOf(others) },
    )
  }
  const conversion = conversionOf(others)
  if (found.length > 0)
    onNote?.(
      `${path}: left out ${found.join(', ')}${others.size > 5 ? ' and others' : ''} (not images of a supported format${conversion ? `; ${conversion}` : ''})`,
    )
  if (renaming) onNote?.(`${path}: ${renaming}`)
  const { classes, labels } = classify(root, paths)
  const hash = createHash('sha256')
  paths.digestInto((bytes) => hash.update(bytes), root)
  const digest = hash.digest('hex')
  return {
    name: basename(root),
    count: paths.length,
    classes,
    labels,
    examples,
    pathOf: (index) => paths.path(index),
    fileOf: (index) => paths.path(index),
    load: (index) => readImageFile(paths.path(index)),
    async fingerprint() {
      const facts = new Float64Array(paths.length * 2)
      await forEachLimited(paths.length, AT_A_TIME, async (index) => {
        const { size, mtimeMs } = await factsOf(paths.path(index)).catch(() => GONE)
        facts.set([size, mtimeMs], index * 2)
      })
      return createHash('sha256').update(digest).update(new Uint8Array(facts.buffer)).digest('hex')
    },
  }
}

interface MissingKind {
  readonly error: MissingPackage
  readonly endings: readonly string[]
}

/** The formats among these extensions whose package is not installed. */
async function missingPackages(examples: ReadonlyMap<string, unknown>): Promise<MissingKind[]> {
  const missing = new Map<string, { error: MissingPackage; endings: string[] }>()
  for (const ending of examples.keys()) {
    const error = await packagesByExtension[ending]?.load().then(
      () => undefined,
      (reason: unknown) => reason,
    )
    if (error === undefined) continue
    if (!(error instanceof MissingPackage)) throw error
    const kind = missing.get(error.format) ?? { error, endings: [] }
    kind.endings.push(ending)
    missing.set(error.format, kind)
  }
  return [...missing.values()]
}

/** Programs that convert images of formats that are not read. */
const conversions = [
  [
    /\.(ndpi|scn|mrxs|vms|bif)\b/,
    'convert slides to TIFF, for example with: vips tiffsave SLIDE slide.tif --tile --pyramid --compression jpeg',
  ],
  [/\.(cr2|cr3|nef|arw|dng|raf|orf|rw2)\b/, 'convert raw photos to TIFF, for example with: dcraw -T IMAGE'],
  [
    /\.(czi|lif|nd2|vsi|oib|oif|ims)\b/,
    'convert microscopy files to OME-TIFF, for example with: bfconvert IMAGE image.ome.tif',
  ],
  [
    /\.(mp4|mov|avi|mkv|webm)\b/,
    'extract frames of videos, for example with: ffmpeg -i VIDEO -vf fps=1 frames/%06d.jpg',
  ],
] as const

/** How to convert files that are left out; undefined if there is no known way. */
function conversionOf(others: ReadonlyMap<string, number>): string | undefined {
  const kinds = [...others.keys()].join(' ').toLowerCase()
  return conversions.find(([pattern]) => pattern.test(kinds))?.[1]
}

/** `20 BMP files left out: ...` */
function leftOut({ error, endings }: MissingKind, counts: ReadonlyMap<string, number>): string {
  const count = endings.reduce((sum, ending) => sum + (counts.get(ending) ?? 0), 0)
  return `${count} ${error.format} ${count === 1 ? 'file' : 'files'} left out: the package ${error.packageName} is not installed; ${error.fix}`
}

interface Listing {
  readonly paths: PathList
  /** number of files of other kinds */
  readonly others: Map<string, number>
  /** number of images by extension */
  readonly counts: Map<string, number>
  readonly examples: Map<string, number[]>
  /** number of files and folders whose names are not valid UTF-8, so that they cannot be named */
  misnamed: number
}

async function listed(root: string, wanted: ReadonlySet<string>, former: boolean): Promise<Listing> {
  const found: Listing = {
    paths: new PathList(),
    others: new Map(),
    counts: new Map(),
    examples: new Map(),
    misnamed: 0,
  }
  await list(
    root,
    wanted,
    found,
    former ? new FormerLinks() : new LinksOnce(await realpath(root).catch(() => root)),
  )
  return found
}

async function list(
  folder: string,
  wanted: ReadonlySet<string>,
  found: Listing,
  links: Links,
  isRoot = true,
): Promise<void> {
  const { paths, others, counts, examples } = found
  const names: string[] = []
  const subfolders: string[] = []
  const linked = new Set<string>()
  try {
    for await (const entry of await opendir(folder, { bufferSize: 1024 })) {
      if (entry.name.startsWith('.')) continue
      const isLink = entry.isSymbolicLink()
      const kind = isLink ? await stat(`${folder}/${entry.name}`).catch(() => undefined) : entry
      if (!kind) others.set(DANGLING, (others.get(DANGLING) ?? 0) + 1)
      if (!(kind?.isDirectory() || kind?.isFile())) continue
      // Bytes that are not UTF-8 become this character, and then the file cannot be opened by its name.
      if (entry.name.includes('\ufffd') && !(await exists(`${folder}/${entry.name}`))) found.misnamed++
      else if (kind.isDirectory()) {
        subfolders.push(entry.name)
        if (isLink) linked.add(entry.name)
      } else names.push(entry.name)
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // A subfolder that was deleted meanwhile has no images.
    if (code === 'ENOENT' && !isRoot) return
    throw new SelfsupError(`${folder} cannot be read (${code})`, { path: folder })
  }
  let number: number | undefined
  for (const name of names.sort()) {
    const ending = extensionOf(name)
    if (wanted.has(ending)) {
      const count = counts.get(ending) ?? 0
      counts.set(ending, count + 1)
      exampleOf(examples, ending, count, paths.length)
      number ??= paths.addFolder(folder)
      paths.add(number, name)
    } else {
      const kind = ending ? `.${ending} files` : 'files without an extension'
      others.set(kind, (others.get(kind) ?? 0) + 1)
    }
  }
  const inside = await links.enter(folder).catch(ifGone)
  if (!inside) return
  for (const name of subfolders.sort())
    if (await inside.follows(`${folder}/${name}`, linked.has(name)).catch(ifGone))
      await list(`${folder}/${name}`, wanted, found, inside, false)
}

/** A folder that was deleted meanwhile has no subfolders. */
function ifGone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

/** Keeps evenly spaced positions: every one at first, then every second, every fourth and so on. */
function exampleOf(examples: Map<string, number[]>, ending: string, count: number, position: number): void {
  const kept = examples.get(ending) ?? []
  examples.set(ending, kept)
  // The distance is the power of 2 at which at most MOST_EXAMPLES of the files so far are kept.
  const distance = 2 ** Math.max(0, Math.ceil(Math.log2((count + 1) / MOST_EXAMPLES)))
  if (count > 0 && count + 1 > MOST_EXAMPLES && Math.log2(count / MOST_EXAMPLES) % 1 === 0) thin(kept)
  if (count % distance === 0) kept.push(position)
}

/** Removes every second item. */
function thin(kept: number[]): void {
  for (let i = 0; i < kept.length; i++) kept.splice(i + 1, 1)
}

function classify(root: string, paths: PathList): { classes?: string[]; labels?: Int32Array } {
  const classOfFolder = new Map<number, string | undefined>()
  for (let index = 0; index < paths.length; index++) {
    const number = paths.folderNumber(index)
    if (!classOfFolder.has(number))
      classOfFolder.set(number, relative(root, paths.folder(index)).split(sep)[0] || undefined)
  }
  const classes = [...new Set([...classOfFolder.values()].filter((name) => name !== undefined))].sort()
  if (classes.length === 0) return {}
  const numbers = new Map(classes.map((name, number) => [name, number]))
  const labels = Int32Array.from({ length: paths.length }, (_, index) => {
    const name = classOfFolder.get(paths.folderNumber(index))
    return name === undefined ? -1 : numbers.get(name)!
  })
  return { classes, labels }
}
