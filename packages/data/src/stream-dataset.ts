import { availableParallelism } from 'node:os'
import {
  type BatchOptions,
  type CropSpec,
  DRAWS_PER_BOX,
  derive,
  earlierReading,
  expected,
  type HostBatch,
  type HostImages,
  type ImageDataset,
  type ImageReading,
  type Resampling,
  randomResizedCropBox,
  type Seed,
  SelfsupError,
  uniforms,
} from '@selfsup/core'
import { cutCrops } from './cut-crops.js'
import { middle, reasonOf } from './decode.js'
import type { EncodedImages } from './encoded-images.js'
import { FileNotRead } from './image-file.js'
import { allDone, limiter } from './limited.js'
import { type BatchRange, batchRanges, passOrder } from './order.js'
import { fingerprintOf } from './reading/fingerprint.js'
import { imageReader } from './reading/reader.js'

/** Number of batches that are decoded while one is in use. */
const READ_AHEAD = 2

/** Maximum number of images in memory at the same time, in addition to the batches. */
const AT_A_TIME = 2 * availableParallelism()

export interface StreamOptions {
  readonly channels: number
  readonly strict?: boolean
  /** resolved; default: that of versions that did not save it */
  readonly reading?: ImageReading
}

/**
 * Creates a dataset of large images, which are decoded when they are needed.
 *
 * With `crops`, the random box of each view is cut out while decoding. An image that cannot be read is replaced by the next
 * readable one in stored order, of the same class if there is one. The replacement depends only on the files, so that other
 * images keep their places and a resumed run has the same batches. With `size`, an unreadable image is omitted from its batch.
 */
export async function streamDataset(
  images: EncodedImages,
  { channels, strict = false, reading = earlierReading }: StreamOptions,
): Promise<ImageDataset> {
  const fingerprint = await fingerprintOf(images, reading)
  const reader = imageReader(reading, channels)
  const skipped = new Map<number, string>()
  const temporary = new Set<number>()
  /** Reads and cuts an image. @returns false if that failed; the reason is stored in `skipped` */
  const cut = async (index: number, cuts: Parameters<typeof cutCrops>[3]): Promise<boolean> => {
    if (skipped.has(index)) return false
    try {
      await cutCrops(images, index, reader, cuts)
      return true
    } catch (error) {
      const reason = await reasonOf(error, undefined)
      if (strict) throw new SelfsupError(`${images.pathOf(index)}: ${reason}`)
      skipped.set(index, reason)
      if (error instanceof FileNotRead) temporary.add(index)
      return false
    }
  }
  /** Cuts the first readable image at or after a position, of the same class if there is one. @returns its position */
  const cutReadable = async (index: number, cuts: Parameters<typeof cutCrops>[3]): Promise<number> => {
    for (const candidate of candidates(images, index)) if (await cut(candidate, cuts)) return candidate
    throw new SelfsupError(
      `${images.name}: found no readable image to replace ${images.pathOf(index)}: ${skipped.get(index)}`,
    )
  }

  // Bounds the memory: at most AT_A_TIME images are read, decoded and cut at the same time.
  const limited = limiter(AT_A_TIME)
  const makeCrops = async (
    positions: Uint32Array,
    crops: readonly CropSpec[],
    seed: Seed,
    { first, rows }: Pick<BatchRange, 'first' | 'rows'>,
    signal: AbortSignal,
  ): Promise<HostBatch> => {
    const views = crops.map(({ size }) => emptyImages(positions.length, size, channels))
    const draws = crops.map(({ stream }) => uniforms(derive(seed, stream), rows * DRAWS_PER_BOX))
    const indices = new Int32Array(positions.length)
    await allDone(
      Array.from(positions, (position, slot) =>
        limited(async () => {
          signal.throwIfAborted()
          indices[slot] = await cutReadable(position, ({ height, width }) =>
            crops.map((crop, view) => ({
              box: randomResizedCropBox(draws[view]!, height, width, crop, (first + slot) * DRAWS_PER_BOX),
              size: crop.size,
              target: placeOf(views[view]!, slot),
            })),
          )
        }),
      ),
    )
    return { crops: views, labels: labelsOf(indices), indices }
  }
  const makeWhole = async (
    positions: Uint32Array,
    size: number,
    resampling: Resampling | undefined,
    signal: AbortSignal,
  ): Promise<HostBatch> => {
    const batch = emptyImages(positions.length, size, channels)
    const readableSlots = await allDone(
      Array.from(positions, (position, slot) =>
        limited(async () => {
          signal.throwIfAborted()
          return cut(position, (image) => [
            { box: middle(image), size, resampling, target: placeOf(batch, slot) },
          ])
        }),
      ),
    )
    const kept = [...positions.keys()].filter((slot) => readableSlots[slot])
    const bytes = size * size * channels
    for (const [to, from] of kept.entries())
      if (to < from) batch.data.copyWithin(to * bytes, from * bytes, (from + 1) * bytes)
    const indices = Int32Array.from(kept, (slot) => positions[slot]!)
    return {
      images: {
        data: batch.data.subarray(0, kept.length * bytes),
        shape: [kept.length, size, size, channels],
      },
      labels: labelsOf(indices),
      indices,
    }
  }
  const labelsOf = (indices: Int32Array) => indices.map((index) => images.labels?.[index] ?? -1)

  const dataset: ImageDataset = {
    name: images.name,
    length: images.count,
    channels,
    classes: images.classes,
    fingerprint,
    labels: () => images.labels,
    pathOf: (index) => images.pathOf(index),
    reading,
    ...(images.partOf && { partOf: (index: number) => images.partOf!(index) }),
    async *batches(options: BatchOptions): AsyncIterable<HostBatch> {
      const { crops, seedOf, size, resampling, signal } = options
      expected(
        (crops && seedOf) || size,
        `${images.name}: batches of large images need crops and seedOf, or size`,
      )
      const order = passOrder(images.count, options)
      const make = ({ batch, start, end, ...place }: BatchRange) => {
        const positions = order.subarray(start, end)
        images.prefetch?.(positions)
        return crops && seedOf
          ? makeCrops(positions, crops, seedOf(batch), place, stop.signal)
          : makeWhole(positions, size!, resampling, stop.signal)
      }
      const stop = new AbortController() // aborted when the consumer stops reading, so that no further image is decoded
      const pending: Promise<HostBatch>[] = []
      try {
        for (const range of batchRanges(order.length, options)) {
          signal?.throwIfAborted()
          const next = make(range)
          next.catch(() => {}) // awaited later; prevents an unhandled rejection until then
          pending.push(next)
          if (pending.length > READ_AHEAD) yield await pending.shift()!
        }
        while (pending.length > 0) yield await pending.shift()!
      } finally {
        stop.abort()
        images.forget?.()
        await Promise.allSettled(pending)
      }
    },
    skipped: () =>
      [...skipped]
        .sort(([a], [b]) => a - b)
        .map(([index, reason]) => ({
          path: images.pathOf(index),
          reason,
          ...(temporary.has(index) && { temporary: true as const }),
        })),
    close: async () => images.close?.(),
  }
  filesOf.set(dataset, images)
  return dataset
}

const filesOf = new WeakMap<ImageDataset, EncodedImages>()

/** The files of a dataset that `streamDataset` created; undefined for others. */
export function encodedOf(dataset: ImageDataset): EncodedImages | undefined {
  return filesOf.get(dataset)
}

/** Maximum number of replacements to try, first of the same class, then of any class. */
const MOST_TRIES = 1000

/** The position of an image, followed by possible replacements in stored order: first of the same class, then of any. */
function* candidates({ count, labels }: EncodedImages, index: number): Generator<number> {
  const around = function* (fits: (position: number) => boolean) {
    let found = 0
    for (let step = 0; step < count && found < MOST_TRIES; step++) {
      const position = (index + step) % count
      if (!fits(position)) continue
      found++
      yield position
    }
  }
  if (labels) yield* around((position) => labels[position] === labels[index])
  yield* around(() => true)
}

function emptyImages(count: number, size: number, channels: number): HostImages {
  return { data: new Uint8Array(count * size * size * channels), shape: [count, size, size, channels] }
}

/** The part of a batch for one image. */
function placeOf({ data, shape: [, height, width, channels] }: HostImages, slot: number): Uint8Array {
  const bytes = height * width * channels
  return data.subarray(slot * bytes, (slot + 1) * bytes)
}
