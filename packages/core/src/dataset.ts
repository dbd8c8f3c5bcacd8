import type { Seed } from './random.js'

/**
 * A random resized crop that a view begins with (Szegedy et al. 2015; torchvision's RandomResizedCrop):
 * a part of random area and aspect ratio, resized to `size` x `size`.
 */
export interface CropSpec {
  /** side of the result, in pixels */
  readonly size: number
  /** smallest and largest part of the image's area, within (0, 1] */
  readonly scale: readonly [number, number]
  /** smallest and largest ratio of width to height */
  readonly ratio: readonly [number, number]
  /** which stream of the step's seed draws the box, so that host and device draw the same one */
  readonly stream: number
}

/** What to subtract and divide by, per channel, after scaling pixels to 0..1. */
export interface Normalisation {
  readonly mean: readonly number[]
  readonly std: readonly number[]
}

/** Pixels of several images of one size, 0..255, in the order [batch, height, width, channels]. */
export interface HostImages {
  readonly data: Uint8Array
  readonly shape: readonly [number, number, number, number]
}

/** Numbers of several examples of one shape, in the order [batch, ...shape]: series are [batch, time, channels]. */
export interface HostValues {
  readonly data: Float32Array
  readonly shape: readonly number[]
}

/** One batch on the host: whole images of one size, one set of crops per CropSpec asked for, or numbers. */
export interface HostBatch {
  readonly images?: HostImages
  readonly crops?: readonly HostImages[]
  /** of data that are no images */
  readonly values?: HostValues
  /** class numbers, -1 where there is none; length batch */
  readonly labels: Int32Array
  /** positions in the dataset; length batch */
  readonly indices: Int32Array
}

/** How to walk through a dataset. */
export interface BatchOptions {
  readonly batchSize: number
  /** seed of this pass's order; in stored order when absent */
  readonly shuffle?: Seed
  /** the positions of this pass, one after the other, some more than once or not at all; instead of `shuffle` */
  readonly order?: Uint32Array
  /** leave out the last batch when it is smaller; default false */
  readonly dropLast?: boolean
  /** number of the first batch to yield: a resumed run skips what it has seen without decoding it */
  readonly startBatch?: number
  /** number of the batch after the last to yield; default all */
  readonly endBatch?: number
  /** at most this many examples, from the first of the pass; default all */
  readonly limit?: number
  /**
   * Crops to take while decoding; ignored by a dataset whose images share one small size (`imageSize`
   * is set), whose batches hold whole images and are cropped on the device.
   */
  readonly crops?: readonly CropSpec[]
  /** seed of a batch by its number, for the crops */
  readonly seedOf?: (batch: number) => Seed
  /** without crops: resize the shorter side to `size` and take the middle (evaluation) */
  readonly size?: number
  readonly signal?: AbortSignal
}

/** How a dataset is opened again, by the function that opened it. */
export interface DatasetSource {
  /** absolute path, or a word such as `shapes` */
  readonly path: string
  /** the other options that it was opened with, as far as the data depend on them */
  readonly options: Readonly<Record<string, string | number | boolean>>
}

/** Data that can be walked through in batches, again and again. Made by package `data`; anything alike will do. */
export interface Dataset {
  readonly name: string
  /** how many examples */
  readonly length: number
  /** shape of one example when batches hold `values`: [time, channels] of a series */
  readonly valueShape?: readonly number[]
  /** names of the classes, by label */
  readonly classes?: readonly string[]
  /** changes when the data do: part of the key under which features are cached */
  readonly fingerprint: string
  /** how to open it again: written down with a run. Missing where that is not known, as with arrays */
  readonly source?: DatasetSource
  /** class number of each example (-1 where none); undefined when none has one */
  labels(): Int32Array | undefined
  /** where an example lies, for lists that a person or another program reads; absent when examples have no files */
  pathOf?(index: number): string
  /** Batches with read-ahead and bounded memory. */
  batches(options: BatchOptions): AsyncIterable<HostBatch>
  /** Files that could not be used so far, with the reason. */
  skipped(): readonly { readonly path: string; readonly reason: string }[]
  close(): Promise<void>
}

/** A thing in a image. */
export interface AnnotatedBox {
  /** its class number, position in the dataset's `classes` */
  readonly label: number
  /** [left, top, width, height], COCO's order, in pixels of the image as it is stored */
  readonly box: readonly [number, number, number, number]
}

/** What is known of one image beside its class; each part absent where nothing of the kind is known. */
export interface Annotation {
  /** numbers to be foretold, by name: a place, a size; a name is absent where this image has no such number */
  readonly values?: Readonly<Record<string, number>>
  readonly boxes?: readonly AnnotatedBox[]
  /** sentences that each describe it */
  readonly captions?: readonly string[]
}

/** A dataset of images. */
export interface ImageDataset extends Dataset {
  readonly channels: 1 | 3
  /** [height, width] when all images share one small size and batches hold whole images */
  readonly imageSize?: readonly [number, number]
  /** what is known of one image beside its class; absent when of none anything is */
  annotations?(index: number): Annotation | undefined
}
