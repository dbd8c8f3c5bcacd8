import { availableParallelism } from 'node:os'
import {
  type BatchOptions,
  type CropSpec,
  DRAWS_PER_BOX,
  derive,
  expected,
  type HostBatch,
  type HostImages,
  type ImageDataset,
  randomResizedCropBox,
  type Seed,
  SelfsupError,
  uniforms,
} from '@selfsup/core'
import { cutCrops } from './cut-crops.js'
import { middle, reasonOf } from './decode.js'
import type { EncodedImages } from './encoded-images.js'
import { allDone, limiter } from './limited.js'
import { batchRanges, passOrder } from './order.js'

/** Batches that are decoded while one is being used. */
const READ_AHEAD = 2

/** Images in memory at a time, beside the batches. */
const AT_A_TIME = 2 * availableParallelism()

/**
 * Large images, decoded when their turn comes. With `crops` each view's random box is cut out while decoding; a
 * image that cannot be read is then replaced by the next readable one in stored order, of its own class where there
 * is one, which depends on the files alone: no other image moves, and a resumed run sees the same. With `size` it is
 * left out of its batch.
 */
export async function streamDataset(
  images: EncodedImages,
  { channels, strict = false }: { channels: 1 | 3; strict?: boolean },
): Promise<ImageDataset> {
  const fingerprint = await images.fingerprint()
  const skipped = new Map<number, string>()
  /** Whether the image could be read and cut; if not, why is remembered. */
  const cut = async (index: number, cuts: Parameters<typeof cutCrops>[2]): Promise<boolean> => {
    if (skipped.has(index)) return false
    let encoded: Buffer | undefined
    try {
      encoded = await images.load(index)
      await cutCrops(encoded, channels, cuts)
      return true
    } catch (error) {
      const reason = await reasonOf(error, encoded)
      if (strict) throw new SelfsupError(`${images.pathOf(index)}: ${reason}`)
      skipped.set(index, reason)
      return false
    }
  }
  /** The first from here on that can be cut, of the same class if there is one. */
  const cutReadable = async (index: number, cuts: Parameters<typeof cutCrops>[2]): Promise<number> => {
    for (const candidate of candidates(images, index)) if (await cut(candidate, cuts)) return candidate
    throw new SelfsupError(
      `${images.name}: no readable picture from ${images.pathOf(index)} on; ${skipped.get(index)}`,
    )
  }

  // A image is read, decoded and cut up before another begins: what lies in memory is bounded, however large they are.
  const oneOfFew = limiter(AT_A_TIME)
  const makeCrops = async (
    positions: Uint32Array,
    crops: readonly CropSpec[],
    seed: Seed,
    signal: AbortSignal,
  ): Promise<HostBatch> => {
    const views = crops.map(({ size }) => emptyImages(positions.length, size, channels))
    const draws = crops.map(({ stream }) => uniforms(derive(seed, stream), positions.length * DRAWS_PER_BOX))
    const indices = new Int32Array(positions.length)
    await allDone(
      Array.from(positions, (position, slot) =>
        oneOfFew(async () => {
          signal.throwIfAborted()
          indices[slot] = await cutReadable(position, ({ height, width }) =>
            crops.map((crop, view) => ({
              box: randomResizedCropBox(draws[view]!, height, width, crop, slot * DRAWS_PER_BOX),
              size: crop.size,
              target: placeOf(views[view]!, slot),
            })),
          )
        }),
      ),
    )
    return { crops: views, labels: labelsOf(indices), indices }
  }
  const makeWhole = async (positions: Uint32Array, size: number, signal: AbortSignal): Promise<HostBatch> => {
    const batch = emptyImages(positions.length, size, channels)
    const readableSlots = await allDone(
      Array.from(positions, (position, slot) =>
        oneOfFew(async () => {
          signal.throwIfAborted()
          return cut(position, (image) => [{ box: middle(image), size, target: placeOf(batch, slot) }])
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

  return {
    name: images.name,
    length: images.count,
    channels,
    classes: images.classes,
    fingerprint,
    labels: () => images.labels,
    pathOf: (index) => images.pathOf(index),
    async *batches(options: BatchOptions): AsyncIterable<HostBatch> {
      const { crops, seedOf, size, signal } = options
      expected((crops && seedOf) || size, `${images.name}: large pictures need crops with seeds, or a size`)
      const order = passOrder(images.count, options)
      const make = (batch: number, start: number, end: number) => {
        const positions = order.subarray(start, end)
        return crops && seedOf
          ? makeCrops(positions, crops, seedOf(batch), stop.signal)
          : makeWhole(positions, size!, stop.signal)
      }
      const stop = new AbortController() // the reader left: what has not begun is not begun
      const underWay: Promise<HostBatch>[] = []
      try {
        for (const { batch, start, end } of batchRanges(order.length, options)) {
          signal?.throwIfAborted()
          const made = make(batch, start, end)
          made.catch(() => {}) // it is awaited in its turn; until then a failure must not end the process
          underWay.push(made)
          if (underWay.length > READ_AHEAD) yield await underWay.shift()!
        }
        while (underWay.length > 0) yield await underWay.shift()!
      } finally {
        stop.abort()
        await Promise.allSettled(underWay)
      }
    },
    skipped: () =>
      [...skipped]
        .sort(([a], [b]) => a - b)
        .map(([index, reason]) => ({ path: images.pathOf(index), reason })),
    close: async () => images.close?.(),
  }
}

/** How many images are tried in place of one, of its class and then of any. */
const MOST_TRIES = 1000

/** A image's position, then those of what may stand in for it: from there on in stored order, its class first. */
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

function emptyImages(count: number, size: number, channels: 1 | 3): HostImages {
  return { data: new Uint8Array(count * size * size * channels), shape: [count, size, size, channels] }
}

/** The part of a batch that holds one image. */
function placeOf({ data, shape: [, height, width, channels] }: HostImages, slot: number): Uint8Array {
  const bytes = height * width * channels
  return data.subarray(slot * bytes, (slot + 1) * bytes)
}
