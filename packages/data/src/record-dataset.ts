import type { BatchOptions, HostBatch, ImageDataset, ImagePart, ImageReading } from '@selfsup/core'
import { batchPositions, labelled } from './order.js'
import { resampleImages } from './resample.js'

/** Small images of the same size with random access to their pixels. */
export interface Records {
  readonly name: string
  readonly count: number
  readonly height: number
  readonly width: number
  readonly channels: number
  readonly fingerprint: string
  readonly classes?: readonly string[]
  readonly labels?: Int32Array
  /** Path of an image. */
  pathOf?(index: number): string
  /** how values of the files became pixels */
  readonly reading?: ImageReading
  /** Part of the file that an image is. */
  partOf?(index: number): ImagePart
  /** Copies the images at the given positions into `target`, in this order. */
  read(positions: Uint32Array, target: Uint8Array): void | Promise<void>
  readonly skipped?: ReturnType<ImageDataset['skipped']>
  close?(): Promise<void>
}

/** Creates a dataset of small images. Batches contain whole images, which are copied once. */
export function recordDataset(records: Records): ImageDataset {
  const { name, count, height, width, channels, fingerprint, classes, labels, skipped = [] } = records
  const size = height * width * channels
  return {
    name,
    length: count,
    channels,
    imageSize: [height, width],
    fingerprint,
    classes,
    labels: () => labels,
    pathOf: records.pathOf,
    ...(records.reading && { reading: records.reading }),
    ...(records.partOf && { partOf: records.partOf }),
    async *batches(options: BatchOptions): AsyncIterable<HostBatch> {
      for (const positions of batchPositions(count, options)) {
        const data = new Uint8Array(positions.length * size)
        await records.read(positions, data)
        const images = { data, shape: [positions.length, height, width, channels] } as const
        const { size: side, resampling } = options
        const fitted = side && resampling ? resampleImages(images, side, resampling) : images
        yield { images: fitted, ...labelled(positions, labels) }
      }
    },
    skipped: () => skipped,
    close: async () => records.close?.(),
  }
}

/** A `read` function for images that are stored one after the other in memory. */
export function readFrom(pixels: Uint8Array, size: number): Records['read'] {
  return (positions, target) => {
    for (let i = 0; i < positions.length; i++) {
      target.set(pixels.subarray(positions[i]! * size, (positions[i]! + 1) * size), i * size)
    }
  }
}
