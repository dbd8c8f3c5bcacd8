import type { BatchPart } from './batch-part.js'
import type { ImagePart, ImageReading } from './image-reading.js'
import type { Seed } from './random.js'

/**
 * A random resized crop, the first step of a view: a region of random area and aspect ratio, resized to `size` x `size`
 * (Szegedy et al. 2015; torchvision's RandomResizedCrop).
 */
export interface CropSpec {
  /** side length of the result, in pixels */
  readonly size: number
  /** smallest and largest fraction of the image's area, within (0, 1] */
  readonly scale: readonly [number, number]
  /** smallest and largest ratio of width to height */
  readonly ratio: readonly [number, number]
  /** stream of the step's seed that the box is drawn from; host and device draw the same box */
  readonly stream: number
}

/** Mean and standard deviation per channel, of pixels scaled to 0..1. */
export interface Normalisation {
  readonly mean: readonly number[]
  readonly std: readonly number[]
}

/**
 * How an image is resized to a network's square input: the shorter side to `shorterSide` pixels, then the central square is cut
 * out. Both steps round to whole pixels and to whole values of pixels, as PIL and torchvision do.
 */
export interface Resampling {
  readonly shorterSide: number
  readonly interpolation: 'bilinear' | 'bicubic'
}

/** Pixels of several images of the same size, 0..255, in the order [batch, height, width, channels]. */
export interface HostImages {
  readonly data: Uint8Array
  readonly shape: readonly [number, number, number, number]
}

/** Values of several examples of the same shape, in the order [batch, ...shape]; time series are [batch, time, channels]. */
export interface HostValues {
  readonly data: Float32Array
  readonly shape: readonly number[]
}

/** One batch on the host: whole images of the same size, one set of crops per requested CropSpec, or numeric values. */
export interface HostBatch {
  readonly images?: HostImages
  readonly crops?: readonly HostImages[]
  /** data other than images */
  readonly values?: HostValues
  /** class numbers, -1 for examples without a class; length batch */
  readonly labels: Int32Array
  /** positions in the dataset; length batch */
  readonly indices: Int32Array
}

/** How to iterate over a dataset. */
export interface BatchOptions {
  readonly batchSize: number
  /** seed of the order; stored order if absent */
  readonly shuffle?: Seed
  /** positions to visit, in order, with possible repetitions and omissions; replaces `shuffle` */
  readonly order?: Uint32Array
  /** omit the last batch if it is smaller than `batchSize`; default false */
  readonly dropLast?: boolean
  /** number of the first batch to yield; earlier batches are skipped without decoding */
  readonly startBatch?: number
  /** number of the batch to stop before; default: all batches */
  readonly endBatch?: number
  /** only a part of each batch, for one of several workers; default: whole batches */
  readonly part?: BatchPart
  /** maximum number of examples, counted from the beginning of the pass; default: all */
  readonly limit?: number
  /**
   * Crops to cut while decoding. Ignored if `imageSize` is set: then batches contain whole images, which are
   * cropped on the device.
   */
  readonly crops?: readonly CropSpec[]
  /** seed of the crops, by the number of the batch */
  readonly seedOf?: (batch: number) => Seed
  /** without `crops`: resize the shorter side to `size` and cut out the centre (evaluation) */
  readonly size?: number
  /** with `size`: how to resize, also images of a fixed size; default: the shorter side to `size`, bilinear with antialiasing */
  readonly resampling?: Resampling
  readonly signal?: AbortSignal
}

/** The arguments that reopen a dataset with the function that opened it. */
export interface DatasetSource {
  /** absolute path, or the name of a built-in dataset such as `shapes` */
  readonly path: string
  /** the other options that affect the data */
  readonly options: Readonly<Record<string, string | number | boolean>>
}

/** Data that can be iterated over in batches, any number of times. @selfsup/data has implementations; you can write your own. */
export interface Dataset {
  readonly name: string
  /** number of examples */
  readonly length: number
  /** shape of one example if batches contain `values`; [time, channels] for a time series */
  readonly valueShape?: readonly number[]
  /** names of the classes, indexed by label */
  readonly classes?: readonly string[]
  /** identifies the data: changes when they change; part of the key of cached features */
  readonly fingerprint: string
  /** how to reopen the dataset; saved with a run. Absent if that is not known, as for arrays in memory */
  readonly source?: DatasetSource
  /** class number of each example, -1 for an example without one; undefined if no example has one */
  labels(): Int32Array | undefined
  /** path of an example, for display and for lists; absent if examples have no files */
  pathOf?(index: number): string
  /** Iterates over batches, with read-ahead and bounded memory. */
  batches(options: BatchOptions): AsyncIterable<HostBatch>
  /**
   * Files that could not be used so far, with reasons. Temporary: the system did not give the content, because the file is gone or
   * protected; it may do so the next time, although the fingerprint is the same.
   */
  skipped(): readonly { readonly path: string; readonly reason: string; readonly temporary?: true }[]
  close(): Promise<void>
}

/** An object in an image. */
export interface AnnotatedBox {
  /** class number: index into the dataset's `classes` */
  readonly label: number
  /** [left, top, width, height] as in COCO, in pixels of the stored image */
  readonly box: readonly [number, number, number, number]
}

/** Annotations of one image, in addition to its class. Each field is absent if the image has no such annotation. */
export interface Annotation {
  /** regression targets by name, such as a position or a size; a name is absent if this image has no such value */
  readonly values?: Readonly<Record<string, number>>
  readonly boxes?: readonly AnnotatedBox[]
  /** captions: sentences that each describe the image */
  readonly captions?: readonly string[]
}

/** A dataset of images. */
export interface ImageDataset extends Dataset {
  /** 3 for colour, 1 for grey, or the number of bands */
  readonly channels: number
  /** [height, width] if all images have the same small size; then batches contain whole images */
  readonly imageSize?: readonly [number, number]
  /** how values of the files become pixels; absent if the images are not read from image files */
  readonly reading?: ImageReading
  /** Part of the file that an image is, such as a tile or a page; the method is absent if all images are whole files. */
  partOf?(index: number): ImagePart
  /** Annotations of one image; the method is absent if no image has any. */
  annotations?(index: number): Annotation | undefined
}
