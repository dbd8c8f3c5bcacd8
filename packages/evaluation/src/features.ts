import { resizedCrop } from '@selfsup/augment'
import {
  assertRank,
  centralCropBox,
  type Dataset,
  type Encoder,
  expected,
  type HostBatch,
  type ImageDataset,
  type Normalisation,
  SelfsupError,
} from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'

/** Features of a whole dataset on the host, one row per example in the dataset's order. */
export interface Features {
  /** row after row, length count * width */
  readonly values: Float32Array
  readonly count: number
  /** features per example */
  readonly width: number
  /** class of each example, -1 where it has none; length count */
  readonly labels: Int32Array
  /** positions in the dataset; length count */
  readonly indices: Int32Array
  readonly classes?: readonly string[]
}

/** How a dataset is walked through. */
export interface PassOptions {
  readonly batchSize?: number
  /** at most this many examples, spread evenly over the dataset: one sorted by classes keeps all of them */
  readonly limit?: number
  /** positions of the examples wanted, in their order; instead of `limit` */
  readonly positions?: Uint32Array
  readonly engine?: Pick<Engine, 'compile'>
  /** called after each batch with the number of examples done */
  readonly onProgress?: (done: number, total: number) => void
  readonly signal?: AbortSignal
}

export interface ExtractOptions extends PassOptions {
  /** what the backbone was trained with */
  readonly normalisation: Normalisation
  /** side of the pictures that the backbone takes, in pixels */
  readonly size: number
}

/**
 * Features of every example of a dataset, in one pass in stored order; batch normalisation uses its running
 * statistics. Pictures of other sizes are resized to the shorter side and cut to the middle square.
 * @param backbone from [batch, size, size, channels], or of a dataset of `values` from [batch, ...shape], to [batch, features]:
 *   a model, of which the first output counts; or any function of TensorFlow.js operations, compiled where the engine can
 * @param options of pictures with their `size` and `normalisation`; series and other values are taken as they are
 * @throws SelfsupError when the backbone takes other channels or another shape than the dataset has or gives no
 *   [batch, features], or no example is left
 */
export async function extractFeatures(
  backbone: LayersModel | Encoder,
  dataset: ImageDataset,
  options: ExtractOptions,
): Promise<Features>
/**
 * Features of every series, or other values, of a dataset, which are taken as they are.
 * @param backbone from [batch, ...shape] to [batch, features]: a model, of which the first output counts; or any function
 * @throws SelfsupError as with pictures
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
      const input = values
        ? tf.tensor(values.data, [...values.shape], 'float32')
        : tf.tensor4d(images!.data, [...images!.shape], 'int32')
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

/** From what batches hold to what a network takes: pictures cut and normalised, values as they are. */
function inputOf(dataset: Dataset, options: PassOptions | ExtractOptions) {
  if (dataset.valueShape) return (values: tf.Tensor) => values as tf.Tensor4D
  expected(
    'size' in options && 'normalisation' in options,
    `extractFeatures: ${dataset.name} holds pictures: give the size and normalisation that the backbone was trained with`,
  )
  const { size, normalisation } = options
  return (images: tf.Tensor) => seenPictures(images as tf.Tensor4D, size, normalisation)
}

function firstOutputOf(model: LayersModel, dataset: Dataset | ImageDataset): Encoder {
  const [, ...shape] = model.inputs[0]!.shape
  if (dataset.valueShape) {
    const { valueShape } = dataset
    expected(
      shape.length === valueShape.length && shape.every((n, i) => n === null || n === valueShape[i]),
      `extractFeatures: the backbone takes [${shape}], an example of ${dataset.name} is [${valueShape}]`,
    )
  } else if ('channels' in dataset) {
    const channels = shape.at(-1)
    expected(
      channels === dataset.channels,
      `extractFeatures: the backbone takes ${channels} channels, ${dataset.name} has ${dataset.channels}; open the images with channels: ${channels}`,
    )
  }
  // `predict` would go through the batch in pieces of 32.
  return (pictures) => {
    const outputs = model.apply(pictures, { training: false }) as tf.Tensor2D | tf.Tensor2D[]
    return Array.isArray(outputs) ? outputs[0]! : outputs
  }
}

/**
 * The pixels themselves as features, 0..1: the baseline that says what a method has to beat.
 * @param options.size side to which pictures of other sizes are resized
 */
export async function rawPixels(
  dataset: ImageDataset,
  options: Pick<ExtractOptions, 'size' | 'batchSize' | 'limit' | 'signal' | 'onProgress'>,
): Promise<Features> {
  return collect(dataset, options, async ({ images }) => {
    const [, height, breadth] = images!.shape
    if (height === options.size && breadth === options.size) return scaled(images!.data)
    const resized = tf.tidy(() =>
      tf.div(fit(tf.tensor4d(images!.data, [...images!.shape], 'int32'), options.size), 255),
    )
    try {
      return await resized.data<'float32'>()
    } finally {
      resized.dispose()
    }
  })
}

/** Bytes as 0..1. */
function scaled(bytes: Uint8Array): Float32Array {
  const values = new Float32Array(bytes.length)
  for (let i = 0; i < bytes.length; i++) values[i] = bytes[i]! / 255
  return values
}

type CollectOptions = Omit<PassOptions, 'engine'> & Partial<Pick<ExtractOptions, 'size'>>

/** Batches whose features are being computed or fetched at a time. */
const UNDER_WAY = 2

async function collect(
  dataset: Dataset,
  { size, batchSize = 256, limit, positions, signal, onProgress }: CollectOptions,
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

  // A batch is handed to the engine before the last one's features are waited for: it need not stand idle.
  const underWay: Parameters<typeof store>[0][] = []
  try {
    const order = positions ?? (total < dataset.length ? spread(total, dataset.length) : undefined)
    for await (const batch of dataset.batches({ batchSize, size, order, signal })) {
      signal?.throwIfAborted()
      if (!(dataset.valueShape ? batch.values : batch.images))
        throw new SelfsupError(
          `${dataset.name} gave a batch without ${dataset.valueShape ? 'values' : 'images'}`,
        )
      if (batch.labels.length === 0) continue
      const rows = rowsOf(batch)
      rows.catch(() => {}) // awaited in its turn; until then a failure must not end the process
      underWay.push({ batch, rows })
      if (underWay.length === UNDER_WAY) await store(underWay.shift()!)
    }
    while (underWay.length > 0) await store(underWay.shift()!)
  } finally {
    await Promise.allSettled(underWay.map(({ rows }) => rows))
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

/** So many positions of a dataset, evenly apart. */
function spread(count: number, length: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => Math.floor((i * length) / count))
}

/** Pictures as a network sees them: the middle square, resized, normalised. */
export function seenPictures(images: tf.Tensor4D, size: number, normalisation: Normalisation): tf.Tensor4D {
  return normalise(fit(images, size), normalisation)
}

/** The middle square, resized as the views in training are: bilinear with antialiasing. */
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
