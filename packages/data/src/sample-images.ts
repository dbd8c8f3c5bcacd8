import {
  displayedImages,
  earlierReading,
  expected,
  type HostImages,
  type ImageDataset,
  type ImageReading,
  type Seed,
  SelfsupError,
  uniforms,
} from '@selfsup/core'
import { reasonOf, SMALLEST_SIDE, square, thumbnail } from './decode.js'
import type { EncodedImages } from './encoded-images.js'
import type { FileFacts, ImageSample } from './image-sample.js'
import { forEachLimited } from './limited.js'
import { findImages, readImages } from './open-images.js'
import { passOrder } from './order.js'
import { throwOutage } from './outage.js'
import { readerFor } from './reading/format.js'
import { type ImageReader, imageReader } from './reading/reader.js'
import type { ResolvedReading } from './reading/resolve-reading.js'
import { fileFacts } from './reading/value-source.js'
import { encodedOf } from './stream-dataset.js'

export interface SampleOptions {
  /** maximum number of images in the sample; default 1000 */
  readonly count?: number
  /** the same seed selects the same images; default 1 */
  readonly seed?: number
  /** side length of the images in the sample, in pixels; default: that of the images, but at most 64 */
  readonly size?: number
  /** split of MNIST, CIFAR and shapes; default train */
  readonly split?: 'train' | 'test'
  /** stop after this many seconds, with the images that were read until then; only for image files */
  readonly seconds?: number
  readonly signal?: AbortSignal
  /** how values of image files become pixels, as for `openImages` */
  readonly reading?: Partial<ImageReading>
  /** called with what is unusual about the images */
  readonly onNote?: (text: string) => void
}

/** Maximum default side length of the sample's squares. */
const LARGEST = 64

const AT_A_TIME = 16

/**
 * Draws a random sample of the images of a source that `openImages` accepts. Only the images of the sample are decoded, so this is
 * faster than opening a large folder of small images for the first time.
 * @throws SelfsupError if no images are found, as in `openImages`, or count or size is out of range
 */
export async function sampleImages(source: string, options: SampleOptions = {}): Promise<ImageSample> {
  check(options)
  const { split, reading, onNote } = options
  const found = await findImages(source, { split, reading, onNote })
  if (!('encoded' in found)) {
    try {
      return await sampleDataset(found.dataset, options)
    } finally {
      await found.dataset.close()
    }
  }
  const { encoded } = found
  try {
    const { images, ...resolved } = await readImages(encoded, options)
    return await sampleEncoded(images, resolved, options)
  } finally {
    await encoded.close?.()
  }
}

/**
 * Draws a random sample of an open dataset. Of other channels than grey or colours, it has the first three. `sizes` is empty for large images, whose sizes a dataset does not report.
 * @throws SelfsupError if count or size is out of range
 */
export async function sampleDataset(
  dataset: ImageDataset,
  options: SampleOptions = {},
): Promise<ImageSample> {
  check(options)
  const { imageSize, channels } = dataset
  const { size = imageSize ? Math.min(LARGEST, ...imageSize) : LARGEST, signal } = options
  const order = drawn(dataset.length, options)
  const parts: Uint8Array[] = []
  const indices: number[] = []
  for await (const batch of dataset.batches({ batchSize: 256, order, size, signal })) {
    parts.push(middleSquares(batch.images!, size))
    indices.push(...batch.indices)
  }
  const seen = new Set(order)
  const unreadable = imageSize ? [] : dataset.skipped()
  return {
    name: dataset.name,
    count: dataset.length,
    looked: seen.size,
    images: displayedImages({
      data: new Uint8Array(Buffer.concat(parts)),
      shape: [indices.length, size, size, channels],
    }),
    indices: Int32Array.from(indices),
    sizes: imageSize ? indices.map(() => [imageSize[1], imageSize[0]] as const) : [],
    unreadable,
    classes: dataset.classes,
    pathOf: dataset.pathOf && ((index) => dataset.pathOf!(index)),
  }
}

/**
 * Draws a random sample of a dataset as `sampleImages` does: of large images, with the properties of their files, decoded as small as
 * possible; of others as `sampleDataset`.
 */
export async function sampleOpened(dataset: ImageDataset, options: SampleOptions = {}): Promise<ImageSample> {
  check(options)
  const encoded = encodedOf(dataset)
  if (!encoded) return sampleDataset(dataset, options)
  const { reading = earlierReading, channels } = dataset
  return sampleEncoded(encoded, { reading, channels }, options)
}

async function sampleEncoded(
  encoded: EncodedImages,
  resolved: ResolvedReading,
  options: SampleOptions,
): Promise<ImageSample> {
  const reader = imageReader(resolved.reading, resolved.channels)
  const order = drawn(encoded.count, options)
  const { size = await fittingSize(encoded, reader, order), signal } = options
  const bytes = size * size * 3
  const pixels = new Uint8Array(order.length * bytes)
  const facts: (FileFacts | undefined)[] = Array(order.length)
  const unreadable: { slot: number; path: string; reason: string }[] = []
  const deadline = performance.now() + 1000 * (options.seconds ?? Number.POSITIVE_INFINITY)
  // Read in random order, so that the images read until the deadline are a random sample too.
  const turns = passOrder(
    order.length,
    options.seconds === undefined ? {} : { shuffle: [options.seed ?? 1, 0x5ec] },
  )
  let looked = 0
  await forEachLimited(order.length, AT_A_TIME, async (turn) => {
    signal?.throwIfAborted()
    if (looked > 0 && performance.now() > deadline) return
    const slot = turns[turn]!
    looked++
    let file: Buffer | undefined
    try {
      const index = order[slot]!
      file = await encoded.load(index)
      const found = { ...(await fileFacts(file)), ...encoded.partOf?.(index).box }
      if (Math.min(found.width, found.height) < SMALLEST_SIDE)
        throw new SelfsupError(`${found.width}x${found.height} pixels are too few`)
      const isPlain = reader.usual && found.bits <= 8 && !encoded.partOf && !readerFor(file) && !found.bands
      const small = isPlain
        ? await thumbnail(file, size, resolved.reading.background)
        : await reader.withImage(
            encoded,
            index,
            async (image) => colours(await square(image, size, reader.channels), reader.channels),
            file,
          )
      pixels.set(small, slot * bytes)
      facts[slot] = found
    } catch (error) {
      unreadable.push({ slot, path: encoded.pathOf(order[slot]!), reason: await reasonOf(error, file) })
    }
  })
  const kept = [...facts.keys()].filter((slot) => facts[slot])
  for (const [to, from] of kept.entries())
    if (to < from) pixels.copyWithin(to * bytes, from * bytes, (from + 1) * bytes)
  const files = kept.map((slot) => facts[slot]!)
  return {
    name: encoded.name,
    count: encoded.count,
    looked,
    images: { data: pixels.subarray(0, kept.length * bytes), shape: [kept.length, size, size, 3] },
    indices: Int32Array.from(kept, (slot) => order[slot]!),
    sizes: files.map(({ width, height }) => [width, height] as const),
    files,
    unreadable: unreadable.sort((a, b) => a.slot - b.slot).map(({ path, reason }) => ({ path, reason })),
    classes: encoded.classes,
    pathOf: (index) => encoded.pathOf(index),
  }
}

function check({ count = 1000, size }: SampleOptions): void {
  expected(
    Number.isInteger(count) && count >= 1,
    `sample: count must be a whole number of at least 1; got ${count}`,
  )
  expected(
    size === undefined || (Number.isInteger(size) && size >= 8 && size <= 256),
    `sample: size must be a whole number from 8 to 256; got ${size}`,
  )
}

/** Draws `count` of `length` positions with equal probability. They are ascending, so that files are read in disk order. */
function drawn(length: number, { count = 1000, seed = 1 }: SampleOptions): Uint32Array {
  const all = Uint32Array.from({ length }, (_, position) => position)
  if (length <= count) return all
  const key: Seed = [seed, 0x5a3b1e]
  const draws = uniforms(key, 2 * count)
  for (let i = 0; i < count; i++) {
    const part = draws[2 * i]! + draws[2 * i + 1]! * 2 ** -23
    const j = i + Math.floor(part * (length - i))
    const kept = all[i]!
    all[i] = all[j]!
    all[j] = kept
  }
  return all.slice(0, count).sort()
}

/** The median of the shorter sides of up to 32 images, limited to 16..64. */
async function fittingSize(encoded: EncodedImages, reader: ImageReader, order: Uint32Array): Promise<number> {
  const looks = Array.from({ length: Math.min(32, order.length) }, (_, i, n = Math.min(32, order.length)) =>
    reader.sizeOf(encoded, order[Math.floor((i * order.length) / n)]!).catch(throwOutage),
  )
  const sides = (await Promise.all(looks)).flatMap((size) =>
    size ? [Math.min(size.width, size.height)] : [],
  )
  const median = sides.sort((a, b) => a - b)[Math.floor(sides.length / 2)] ?? LARGEST
  return Math.max(16, Math.min(LARGEST, median))
}

/** Centre squares of images of the same size, reduced to size x size. Images of this size are returned unchanged. */
function middleSquares(
  { data, shape: [count, height, width, channels] }: HostImages,
  size: number,
): Uint8Array {
  if (height === size && width === size) return data
  const side = Math.min(height, width)
  const [top, left] = [Math.floor((height - side) / 2), Math.floor((width - side) / 2)]
  const squares = new Uint8Array(count * size * size * channels)
  let at = 0
  for (let i = 0; i < count; i++)
    for (let y = 0; y < size; y++)
      for (let x = 0; x < size; x++) {
        const [row, column] = [top + Math.floor((y * side) / size), left + Math.floor((x * side) / size)]
        const from = ((i * height + row) * width + column) * channels
        for (let channel = 0; channel < channels; channel++) squares[at++] = data[from + channel]!
      }
  return squares
}

/** Pixels of any number of channels as red, green and blue: the first three, or one for all. */
function colours(pixels: Uint8Array, channels: number): Uint8Array {
  if (channels === 3) return pixels
  const rgb = new Uint8Array((pixels.length / channels) * 3)
  for (let i = 0; i < rgb.length; i++) {
    const channel = channels > 2 ? i % 3 : 0
    rgb[i] = pixels[Math.floor(i / 3) * channels + channel]!
  }
  return rgb
}
