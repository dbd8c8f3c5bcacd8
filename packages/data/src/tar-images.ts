import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { expected, SelfsupError } from '@selfsup/core'
import { openFiles } from './byte-source.js'
import { imageCacheFolder } from './cache-folder.js'
import type { EncodedImages } from './encoded-images.js'
import { isRemote, openRemote, withoutSecrets } from './http-source.js'
import { loadAhead } from './load-ahead.js'
import { allExtensions, usualExtensions } from './reading/format.js'
import { tarBytes } from './tar-entries.js'
import { indexTars, type TarIndex } from './tar-index.js'

/** Maximum number of files that match a pattern. */
const MOST_SHARDS = 100_000

/** Requests for headers at the same time, of tars on a server. */
const REMOTE_AT_A_TIME = 32

/** Whether a path or address is a tar, or a pattern of several. */
export function isTar(source: string): boolean {
  return isRemote(source) ? /\.tar(\?[^?]*)?$/.test(source) : source.endsWith('.tar')
}

/**
 * Opens images in tar files in WebDataset format. Files with the same name up to the first dot belong to one sample: `x.jpg`, with
 * its class in `x.cls` (a number) or `x.json` ({ "label": number }). The tars are read in place and not unpacked.
 * @param pattern path or address (`https://`, `s3://`) of one file, or of several with a range in braces: `train-{000..009}.tar`
 * @param options.former only the formats of versions that did not save how images were read
 * @param options.cacheFolder where lists of many images are saved
 * @throws SelfsupError that names the tar that is missing, damaged or without images
 */
export async function tarImages(
  pattern: string,
  { former = false, cacheFolder = imageCacheFolder() }: { former?: boolean; cacheFolder?: string } = {},
): Promise<EncodedImages> {
  const extensions = former ? usualExtensions : allExtensions
  const remote = isRemote(pattern)
  const paths = expand(pattern)
  if (!remote) await expectAll(paths, pattern)
  const opened = await (remote ? openRemote(paths) : openFiles(paths))
  const { files, close } = opened
  let index: TarIndex
  try {
    const atATime = remote ? { atATime: REMOTE_AT_A_TIME, worthSaving: 1 } : {}
    index = await indexTars(files, { extensions, folder: cacheFolder, ...atATime })
    expected(
      index.count > 0,
      `${withoutSecrets(pattern)}: no images found; looked for files ending in ${[...extensions].join(', ')}`,
    )
  } catch (error) {
    await close()
    throw error
  }
  const { count, labels, shards, starts, sizes, nameOf } = index
  const most = labels.reduce((a, b) => Math.max(a, b), -1)
  const read = (image: number) =>
    tarBytes(files[shards[image]!]!, { start: starts[image]!, size: sizes[image]! })
  return {
    name: basename(withoutSecrets(pattern)),
    count,
    labels: most >= 0 ? labels : undefined,
    classes: most >= 0 ? Array.from({ length: most + 1 }, (_, label) => String(label)) : undefined,
    pathOf: (image) => `${files[shards[image]!]!.path}:${nameOf(image)}`,
    ...(remote ? loadAhead(read, (image) => sizes[image]!) : { load: read }),
    fingerprint: async () =>
      createHash('sha256')
        .update(listingHash(index))
        .update(JSON.stringify(files.map(({ stamp, size }) => [stamp, size])))
        .digest('hex'),
    close,
  }
}

/** SHA-256 of the JSON of [name, size, start] of all images, which is not made at once: it can have a hundred megabytes. */
function listingHash({ count, nameOf, sizes, starts }: TarIndex): string {
  const hash = createHash('sha256').update('[')
  const AT_A_TIME = 4096
  for (let first = 0; first < count; first += AT_A_TIME) {
    const rows = Array.from({ length: Math.min(AT_A_TIME, count - first) }, (_, row) => {
      const image = first + row
      return JSON.stringify([nameOf(image), sizes[image], starts[image]])
    })
    hash.update(`${first === 0 ? '' : ','}${rows.join(',')}`)
  }
  return hash.update(']').digest('hex')
}

/** Expands `a-{00..12}.tar` to thirteen paths. */
function expand(pattern: string): string[] {
  const range = /\{(\d+)\.\.(\d+)\}/.exec(pattern) as [string, string, string] | null
  if (!range) return [pattern]
  const [, first, last] = range
  const count = Number(last) - Number(first) + 1
  expected(
    count >= 1 && count <= MOST_SHARDS,
    `${withoutSecrets(pattern)}: the range in braces must count upwards, over at most ${MOST_SHARDS} files`,
  )
  return Array.from({ length: count }, (_, i) =>
    pattern.replace(range[0], String(Number(first) + i).padStart(first.length, '0')),
  )
}

/** @throws SelfsupError that names a file that does not exist */
async function expectAll(paths: readonly string[], pattern: string): Promise<void> {
  const foldersRead = new Map<string, Set<string>>()
  for (const path of paths) {
    const folder = dirname(path)
    const names = foldersRead.get(folder) ?? new Set(await readdir(folder).catch((): string[] => []))
    foldersRead.set(folder, names)
    if (!names.has(basename(path)))
      throw new SelfsupError(`${path} does not exist${path === pattern ? '' : ` (of ${pattern})`}`, {
        code: 'not-found',
        path,
      })
  }
}
