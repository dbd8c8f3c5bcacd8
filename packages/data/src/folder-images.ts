import { createHash } from 'node:crypto'
import { readFile as readFileCallback, stat as statCallback } from 'node:fs'
import { opendir, stat } from 'node:fs/promises'
import { basename, extname, relative, resolve, sep } from 'node:path'
import { promisify } from 'node:util'
import { SelfsupError } from '@selfsup/core'
import type { EncodedImages } from './encoded-images.js'
import { forEachLimited } from './limited.js'
import { PathList } from './path-list.js'

// For many small files, the callback functions take half the time of those of node:fs/promises.
const readFile = promisify(readFileCallback)
const factsOf = promisify(statCallback)

const GONE = { size: -1, mtimeMs: -1 }

/** Number of files that are read at the same time. */
const AT_A_TIME = 32

/** Extensions of image files, without the dot. */
export const extensions: ReadonlySet<string> = new Set([
  'jpg',
  'jpeg',
  'png',
  'webp',
  'avif',
  'gif',
  'tif',
  'tiff',
])

/**
 * Finds all images below a folder, in the order of their paths. If there are subfolders, the names of the first level are the
 * classes, in alphabetical order (as in torchvision's ImageFolder); images directly in the folder have no class.
 * @throws SelfsupError if there are no images; the message says what was looked for and what was found
 */
export async function folderImages(path: string): Promise<EncodedImages> {
  const root = resolve(path)
  const paths = new PathList()
  const others = new Map<string, number>()
  await list(root, paths, others, new Set())
  if (paths.length === 0) {
    const found = [...others]
      .sort((a, b) => b[1] - a[1])
      .slice(0, 3)
      .map(([kind, count]) => `${count} ${kind}`)
    throw new SelfsupError(
      `${path}: no images found; looked for ${[...extensions].join(', ')} in it and its subfolders${found.length > 0 ? `; found ${found.join(', ')}` : '; it is empty'}`,
    )
  }
  const { classes, labels } = classify(root, paths)
  const hash = createHash('sha256')
  paths.digestInto((bytes) => hash.update(bytes), root)
  const listing = hash.digest('hex')
  return {
    name: basename(root),
    count: paths.length,
    classes,
    labels,
    pathOf: (index) => paths.path(index),
    load: (index) => readFile(paths.path(index)),
    async fingerprint() {
      const facts = new Float64Array(paths.length * 2)
      await forEachLimited(paths.length, AT_A_TIME, async (index) => {
        const { size, mtimeMs } = await factsOf(paths.path(index)).catch(() => GONE)
        facts.set([size, mtimeMs], index * 2)
      })
      return createHash('sha256').update(listing).update(new Uint8Array(facts.buffer)).digest('hex')
    },
  }
}

async function list(
  folder: string,
  paths: PathList,
  others: Map<string, number>,
  above: Set<string>,
): Promise<void> {
  const names: string[] = []
  const subfolders: string[] = []
  const entries = await opendir(folder, { bufferSize: 1024 }).catch((error: NodeJS.ErrnoException) => {
    throw new SelfsupError(`${folder} cannot be read (${error.code})`)
  })
  for await (const entry of entries) {
    if (entry.name.startsWith('.')) continue
    const kind = entry.isSymbolicLink() ? await stat(`${folder}/${entry.name}`).catch(() => undefined) : entry
    if (kind?.isDirectory()) subfolders.push(entry.name)
    else if (kind?.isFile()) names.push(entry.name)
  }
  let number: number | undefined
  for (const name of names.sort()) {
    const ending = extname(name).slice(1).toLowerCase()
    if (extensions.has(ending)) {
      number ??= paths.addFolder(folder)
      paths.add(number, name)
    } else {
      const kind = ending ? `.${ending} files` : 'files without an extension'
      others.set(kind, (others.get(kind) ?? 0) + 1)
    }
  }
  const inode = await stat(folder)
  const key = `${inode.dev}:${inode.ino}`
  if (above.has(key)) return // a link to a parent folder
  for (const name of subfolders.sort())
    await list(`${folder}/${name}`, paths, others, new Set([...above, key]))
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
