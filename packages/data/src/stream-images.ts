import { readdir, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { expected, type ImageDataset, splitPart } from '@selfsup/core'
import { isCifarBatch } from './cifar.js'
import type { EncodedImages } from './encoded-images.js'
import { folderImages } from './folder-images.js'
import { isIdxImages } from './idx.js'
import { readImageFile } from './image-file.js'
import { type OpenOptions, openImages, readImages } from './open-images.js'
import { streamDataset } from './stream-dataset.js'

/**
 * Opens images to read only a few of them: small images of a folder are decoded when they are needed and not cached. Other
 * sources are opened as by `openImages`.
 * @param source as for `openImages`, or a list of image files, or of their parts as `pathOf` of a dataset of tiles or pages
 *   returns them
 * @throws SelfsupError if no images are found, or a file of the list does not exist
 */
export async function streamImages(
  source: string | readonly string[],
  options: OpenOptions = {},
): Promise<ImageDataset> {
  const { strict } = options
  const streamed = async (files: EncodedImages) => {
    const { images, ...resolved } = await readImages(files, options)
    return streamDataset(images, { ...resolved, strict })
  }
  if (typeof source !== 'string') return streamed(await namedFiles(source))
  const found = source === 'shapes' ? undefined : await stat(source).catch(() => undefined)
  const names = found?.isDirectory() ? await readdir(source) : undefined
  if (!names || names.some((name) => isIdxImages(name) || isCifarBatch(name)))
    return openImages(source, options)
  const { reading, onNote } = options
  return streamed(await folderImages(source, { former: reading?.former, onNote }))
}

async function namedFiles(paths: readonly string[]): Promise<EncodedImages> {
  const wholes = await Promise.all(paths.map((path) => stat(path).catch(() => undefined)))
  // A path that exists can contain a number sign itself.
  const named = paths.map((path, i) => (wholes[i] ? { file: path, part: {} } : splitPart(path)))
  const files = named.map(({ file }) => file)
  const facts = await Promise.all(files.map((file, i) => wholes[i] ?? stat(file).catch(() => undefined)))
  for (const [i, path] of files.entries())
    expected(
      facts[i]?.isFile(),
      `${path} ${facts[i] ? 'is not a file' : 'does not exist'}; pass an image file`,
    )
  expected(paths.length > 0, 'streamImages: the list of files is empty; pass at least one image file')
  return {
    name: paths.length === 1 ? basename(paths[0]!) : `${paths.length} files`,
    count: paths.length,
    pathOf: (index) => paths[index]!,
    fileOf: (index) => files[index]!,
    load: (index) => readImageFile(files[index]!),
    ...(named.some(({ part }) => Object.keys(part).length > 0) && {
      partOf: (index: number) => named[index]!.part,
    }),
    fingerprint: async () =>
      paths.map((path, i) => `${path} ${facts[i]!.size} ${facts[i]!.mtimeMs}`).join('\n'),
  }
}
