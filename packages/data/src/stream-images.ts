import { readdir, readFile, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { expected, type ImageDataset } from '@selfsup/core'
import { isCifarBatch } from './cifar.js'
import { folderImages } from './folder-images.js'
import { isIdxImages } from './idx.js'
import { type OpenOptions, openImages } from './open-images.js'
import { streamDataset } from './stream-dataset.js'

/**
 * Opens images to read only a few of them: small images of a folder are decoded when they are needed and not cached. Other
 * sources are opened as by `openImages`.
 * @param source as for `openImages`, or a list of image files
 * @throws SelfsupError if no images are found, or a file of the list does not exist
 */
export async function streamImages(
  source: string | readonly string[],
  options: OpenOptions = {},
): Promise<ImageDataset> {
  const { channels = 3, strict } = options
  if (typeof source !== 'string') return streamDataset(await namedFiles(source), { channels, strict })
  const found = source === 'shapes' ? undefined : await stat(source).catch(() => undefined)
  const names = found?.isDirectory() ? await readdir(source) : undefined
  if (!names || names.some((name) => isIdxImages(name) || isCifarBatch(name)))
    return openImages(source, options)
  return streamDataset(await folderImages(source), { channels, strict })
}

async function namedFiles(paths: readonly string[]) {
  const facts = await Promise.all(paths.map((path) => stat(path).catch(() => undefined)))
  for (const [i, path] of paths.entries())
    expected(
      facts[i]?.isFile(),
      `${path} ${facts[i] ? 'is not a file' : 'does not exist'}; pass an image file`,
    )
  expected(paths.length > 0, 'streamImages: the list of files is empty; pass at least one image file')
  return {
    name: paths.length === 1 ? basename(paths[0]!) : `${paths.length} files`,
    count: paths.length,
    pathOf: (index: number) => paths[index]!,
    load: (index: number) => readFile(paths[index]!),
    fingerprint: async () =>
      paths.map((path, i) => `${path} ${facts[i]!.size} ${facts[i]!.mtimeMs}`).join('\n'),
  }
}
