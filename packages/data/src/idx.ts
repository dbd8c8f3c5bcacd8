import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type ImageDataset, SelfsupError } from '@selfsup/core'
import { readIdx } from './read-idx.js'
import { readFrom, recordDataset } from './record-dataset.js'

const IMAGES = /idx3-ubyte(\.gz)?$/
const prefixes = { train: 'train', test: 't10k' } as const

/** Whether a file name is that of an IDX file of images. */
export function isIdxImages(name: string): boolean {
  return IMAGES.test(name)
}

/**
 * Opens MNIST and datasets of the same format (Fashion-MNIST, KMNIST): the IDX file of images of a split, gzipped or not, with
 * the file of labels in the same folder if there is one.
 * @param path the file of images, or the folder with the files of both splits
 * @throws SelfsupError that names the missing or damaged file
 */
export async function idxImages(
  path: string,
  isFolder: boolean,
  split: 'train' | 'test',
): Promise<ImageDataset> {
  const folder = isFolder ? path : dirname(path)
  const names = await readdir(folder)
  const imagesName = isFolder
    ? names.sort().find((name) => isIdxImages(name) && name.startsWith(prefixes[split]))
    : basename(path)
  if (!imagesName)
    throw new SelfsupError(
      `${path}: found no IDX file of images for split ${split} (${prefixes[split]}-images-idx3-ubyte)`,
    )
  const imagesPath = join(folder, imagesName)
  const { dimensions, values } = await readIdx(imagesPath, 3)
  const [count, height, width] = dimensions as [number, number, number]
  const stem = imagesName.replace('images', 'labels').replace('idx3', 'idx1').replace(/\.gz$/, '')
  const labelsName = names.find((name) => name === stem || name === `${stem}.gz`)
  const labels = labelsName ? await readLabels(join(folder, labelsName), count) : undefined
  return recordDataset({
    name: `${basename(folder)}-${split}`,
    count,
    height,
    width,
    channels: 1,
    fingerprint: createHash('sha256').update(values).digest('hex'),
    labels,
    classes:
      labels &&
      Array.from({ length: labels.reduce((a, b) => Math.max(a, b), 0) + 1 }, (_, label) => String(label)),
    read: readFrom(values, height * width),
  })
}

async function readLabels(path: string, count: number): Promise<Int32Array> {
  const { values } = await readIdx(path, 1)
  if (values.length !== count)
    throw new SelfsupError(`${path}: expected ${count} labels, one per image; got ${values.length}`)
  return Int32Array.from(values)
}
