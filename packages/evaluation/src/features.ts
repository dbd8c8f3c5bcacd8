import { resizedCrop } from '@selfsup/augment'
import {
  assertRank,
  centralCropBox,
  type Dataset,
  type Encoder,
  expected,
  type HostBatch,
  type ImageDataset,
  imageTensor,
  type Normalisation,
  type Resampling,
  SelfsupError,
} from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'

/** Features of a whole dataset on the host, one row per example, in the dataset's order. */
export interface Features {
  /** row after row, length count * width */
  readonly values: Float32Array
  readonly count: number
  /** features per example */
  readonly width: number
  /** class of each example, -1 if it has none; length count */
  readonly labels: Int32Array
  /** positions in the dataset; length count */
  readonly indices: Int32Array
  readonly classes?: readonly string[]
}

/** Options of a pass over a dataset. */
export interface PassOptions {
  readonly batchSize?: number
  /** at most this many examples, evenly spaced over the dataset, so that all classes of a sorted dataset are represented */
  readonly limit?: number
  /** positions of the examples to use, in this order; replaces `limit` */
  readonly positions?: Uint32Array
  readonly engine?: Pick<Engine, 'compile'>
  /** called after each batch with the number of processed examples */
  readonly onProgress?: (done: number, total: number) => void
  readonly signal?: AbortSignal
}

/** Options of a pass over images through a network. */
export interface ExtractOptions extends PassOptions {
  /** normalisation that the backbone was trained with */
  readonly normalisation: Normalisation
  /** side of the backbone's input, in pixels */
  readonly size: number
  /** how images of other sizes are resized; default: the shorter side to `size`, bilinear with antialiasing */
  readonly resampling?: Resampling
}

/**
 * Extracts the features of every example of a dataset, in one pass in stored order. Batch normalisation uses its running
 * statistics. Images of other sizes are resized by their shorter side and cropped to the central square.
 * @param backbone maps [batch, size, size, channels], or [batch, ...shape] for a dataset of `values`, to [batch, features]:
 *   a model, whose first output is used, or any function of TensorFlow.js operations, compiled if the engine supports it
 * @param options `size` and `normalisation` are required for images; series and other values are passed unchanged
 * @throws SelfsupError if the backbone expects other channels or another shape than the dataset has, its output is not
 *   [batch, features], or no example could be read
 */
export async function extractFeatures(
  backbone: LayersModel | Encoder,
  dataset: ImageDataset,
  options: ExtractOptions,
): Promise<Features>
/**
 * Extracts the features of every series, or other values, of a dataset, which are passed unchanged.
 * @param backbone maps [batch, ...shape] to [batch, features]: a model, whose first output is used, or any function
 * @throws SelfsupError as for images
 */
export async function extractFeatures(
  backbone: LayersModel | Encoder | ((values: tf.Tensor) => tf.Tensor2D),
  dataset: Dataset,
  options?: PassOptions,
): Promise<Features>
export async function extractFeatures(
  backbone: LayersModel | Encoder,
  dataset: Dataset | ImageDataset,
  options: PassOptions | ExtractOptions = {},
): Promise<Features> {
  const encode = typeof backbone === 'function' ? backbone : firstOutputOf(backbone, dataset)
  const seen = inputOf(dataset, options)
  const step = (input: tf.Tensor) => tf.tidy(() => encode(seen(input)))
  const compiled = options.engine?.compile(step)
  try {
    return await collect(dataset, options, async ({ images, values }) => {
      const input = values ? tf.tensor(values.data, [...values.shape], 'float32') : imageTensor(images!)
      const features = (compiled ?? step)(input)
      input.dispose()
      try {
        assertRank('extractFeatures', 'the features', features, 2, '[batch, features]')
        return await features.data<'float32'>()
      } finally {
        features.dispose()
      }
    })
  } finally {
    compiled?.dispose()
  }
}

/** Maps a batch to the network's input: images are cropped and normalised, values are unchanged. */
function inputOf(dataset: Dataset, options: PassOptions | ExtractOptions) {
  if (dataset.valueShape) return (values: tf.Tensor) => values as tf.Tensor4D
  expected(
    'size' in options && 'normalisation' in options,
    `extractFeatures: ${dataset.name} contains images: set the size and normalisation that the backbone was trained with`,
  )
  const { size, normalisation } = options
  return (images: tf.Tensor) => networkInput(images as tf.Tensor4D, size, normalisation)
}

function firstOutputOf(model: LayersModel, dataset: Dataset | ImageDataset): Encoder {
  const [, ...shape] = model.inputs[0]!.shape
  if (dataset.valueShape) {
    const { valueShape } = dataset
    expected(
      shape.length === valueShape.length && shape.every((n, i) => n === null || n === valueShape[i]),
      `extractFeatures: the backbone expects [${shape}], but an example of ${dataset.name} is [${valueShape}]`,
    )
  } else if ('channels' in dataset) {
    const channels = shape.at(-1)
    expected(
      channels === dataset.channels,
      `extractFeatures: the backbone expects ${channels} channels, but ${dataset.name} has ${dataset.channels}; open the images with channels: ${channels}`,
    )
  }
  // `predict` would split the batch into parts of 32.
  return (images) => {
    const outputs = model.apply(images, { training: false }) as tf.Tensor2D | tf.Tensor2D[]
    return Array.isArray(outputs) ? outputs[0]! : outputs
  }
}

/**
 * The pixels themselves as features, 0..1: the baseline that a method has to beat.
 * @param options.size side to which images of other sizes are resized
 */
export async function rawPixels(
  dataset: ImageDataset,
  options: Pick<ExtractOptions, 'size' | 'batchSize' | 'limit' | 'signal' | 'onProgress'>,
): Promise<Features> {
  return collect(dataset, options, async ({ images }) => {
    const [, height, breadth] = images!.shape
    if (height === options.size && breadth === options.size) return scaled(images!.data)
    const resized = tf.tidy(() => tf.div(fit(imageTensor(images!), options.size), 255))
    try {
      return await resized.data<'float32'>()
    } finally {
      resized.dispose()
    }
  })
}

/** Scales bytes to 0..1. */
function scaled(bytes: Uint8Array): Float32Array {
  const values = new Float32Array(bytes.length)
  for (let i = 0; i < bytes.length; i++) values[i] = bytes[i]! / 255
  return values
}

type CollectOptions = Omit<PassOptions, 'engine'> & Partial<Pick<ExtractOptions, 'size' | 'resampling'>>

/** Batches whose features are computed or read back at the same time. */
const MOST_PENDING = 2

async function collect(
  dataset: Dataset,
  { size, resampling, batchSize = 256, limit, positions, signal, onProgress }: CollectOptions,
  rowsOf: (batch: HostBatch) => Promise<Float32Array>,
): Promise<Features> {
  const total = positions?.length ?? Math.min(limit ?? Number.POSITIVE_INFINITY, dataset.length)
  const labels = new Int32Array(total)
  const indices = new Int32Array(total)
  let values = new Float32Array(0)
  let [count, width] = [0, 0]
  const store = async ({ batch, rows }: { batch: HostBatch; rows: Promise<Float32Array> }) => {
    const ofBatch = await rows
    if (count === 0) {
      width = ofBatch.length / batch.labels.length
      values = new Float32Array(total * width)
    }
    values.set(ofBatch, count * width)
    labels.set(batch.labels, count)
    indices.set(batch.indices, count)
    count += batch.labels.length
    onProgress?.(count, total)
  }

  // The next batch is submitted before the last one's features are awaited, so that the device is never idle.
  const pending: Parameters<typeof store>[0][] = []
  try {
    const order = positions ?? (total < dataset.length ? spread(total, dataset.length) : undefined)
    for await (const batch of dataset.batches({ batchSize, size, resampling, order, signal })) {
      signal?.throwIfAborted()
      if (!(dataset.valueShape ? batch.values : batch.images))
        throw new SelfsupError(
          `${dataset.name} returned a batch without ${dataset.valueShape ? 'values' : 'images'}`,
        )
      if (batch.labels.length === 0) continue
      const rows = rowsOf(batch)
      rows.catch(() => {}) // awaited below; until then a rejection must not end the process
      pending.push({ batch, rows })
      if (pending.length === MOST_PENDING) await store(pending.shift()!)
    }
    while (pending.length > 0) await store(pending.shift()!)
  } finally {
    await Promise.allSettled(pending.map(({ rows }) => rows))
  }
  expected(count > 0, `${dataset.name}: no ${dataset.valueShape ? 'example' : 'image'} could be read`)
  return {
    values: values.subarray(0, count * width),
    count,
    width,
    labels: labels.subarray(0, count),
    indices: indices.subarray(0, count),
    classes: dataset.classes,
  }
}

/** `count` evenly spaced positions of a dataset. */
function spread(count: number, length: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => Math.floor((i * length) / count))
}

/**
 * Converts images to a network's input: the central square, resized and normalised.
 * @param images [batch, height, width, channels], 0..255
 * @returns [batch, size, size, channels]
 */
export function networkInput(images: tf.Tensor4D, size: number, normalisation: Normalisation): tf.Tensor4D {
  return normalise(fit(images, size), normalisation)
}

/** The central square, resized like the training views: bilinear with antialiasing. */
function fit(images: tf.Tensor4D, size: number): tf.Tensor4D {
  const [batch, height, width] = images.shape
  if (height === size && width === size) return tf.cast(images, 'float32')
  const { top, left, height: side } = centralCropBox(height, width, [1, 1])
  const each = (value: number) => tf.fill([batch], value) as tf.Tensor1D
  const box = { top: each(top), left: each(left), height: each(side), width: each(side) }
  return resizedCrop(images, box, size)
}

function normalise(pixels: tf.Tensor4D, { mean, std }: Normalisation): tf.Tensor4D {
  const scale = tf.tensor1d(std.map((s) => 1 / (255 * s)))
  const shift = tf.tensor1d(mean.map((m, channel) => -m / std[channel]!))
  return tf.add(tf.mul(pixels, scale), shift)
}
