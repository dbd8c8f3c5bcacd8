import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { expected, type ImageDataset, SelfsupError } from '@selfsup/core'
import { readIfExists, readLimited } from '@selfsup/run-folder'
import { readFrom, recordDataset } from './record-dataset.js'

const parts = { train: /^(data_batch_\d+|train)\.bin$/, test: /^(test_batch|test)\.bin$/ } as const
const PIXELS = 32 * 32

/** Maximum size of a batch file; those of CIFAR have 30 to 150 MB. */
const MOST_BYTES = 2 ** 31 - 1
const MOST_NAMES_BYTES = 2 ** 20

/** Whether a file name is that of a binary CIFAR batch. */
export function isCifarBatch(name: string): boolean {
  return parts.train.test(name) || parts.test.test(name)
}

/**
 * Opens CIFAR-10 or CIFAR-100 in binary form. Each record has one label (two in CIFAR-100, of which the fine one is used) and
 * 32 x 32 pixels, one colour plane after the other.
 * @param path a batch file, or the folder with all batch files
 * @throws SelfsupError that names the missing or damaged file
 */
export async function cifarImages(
  path: string,
  isFolder: boolean,
  split: 'train' | 'test',
): Promise<ImageDataset> {
  const folder = isFolder ? path : dirname(path)
  const names = isFolder
    ? (await readdir(folder)).filter((name) => parts[split].test(name)).sort()
    : [basename(path)]
  if (names.length === 0) throw new SelfsupError(`${path}: no CIFAR batches for split ${split}`)
  const fine = /^(train|test)\.bin$/.test(names[0]!)
  const record = (fine ? 2 : 1) + 3 * PIXELS
  const files = await Promise.all(
    names.map(async (name) => {
      const bytes = await readLimited(join(folder, name), MOST_BYTES)
      if (bytes.length === 0 || bytes.length % record !== 0) {
        throw new SelfsupError(
          `${join(folder, name)}: ${bytes.length} bytes is not a whole number of CIFAR records`,
        )
      }
      return bytes
    }),
  )
  const bytes = Buffer.concat(files)
  const count = bytes.length / record
  const pixels = new Uint8Array(count * 3 * PIXELS)
  const labels = new Int32Array(count)
  for (let image = 0; image < count; image++) {
    const start = image * record
    labels[image] = bytes[start + (fine ? 1 : 0)]!
    const from = start + record - 3 * PIXELS
    const to = image * 3 * PIXELS
    for (let p = 0; p < PIXELS; p++) {
      pixels[to + 3 * p] = bytes[from + p]!
      pixels[to + 3 * p + 1] = bytes[from + PIXELS + p]!
      pixels[to + 3 * p + 2] = bytes[from + 2 * PIXELS + p]!
    }
  }
  return recordDataset({
    name: `${basename(folder)}-${split}`,
    count,
    height: 32,
    width: 32,
    channels: 3,
    fingerprint: createHash('sha256').update(bytes).digest('hex'),
    labels,
    classes: await classNames(folder, fine, labels),
    read: readFrom(pixels, 3 * PIXELS),
  })
}

async function classNames(folder: string, fine: boolean, labels: Int32Array): Promise<string[]> {
  const file = join(folder, fine ? 'fine_label_names.txt' : 'batches.meta.txt')
  const text = (await readIfExists(file, MOST_NAMES_BYTES))?.toString('utf8') ?? ''
  const names = text.split(/\r?\n/).filter(Boolean)
  const most = labels.reduce((a, b) => Math.max(a, b), 0)
  if (names.length === 0) return Array.from({ length: most + 1 }, (_, label) => String(label))
  expected(
    most < names.length,
    `${folder}: an image has class ${most}, but ${basename(file)} has ${names.length} class names; the batches are damaged or the names belong to a different dataset`,
  )
  return names
}
