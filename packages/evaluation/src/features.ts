import { expected, type HostImages, type ImageDataset, type Normalisation, SelfsupError } from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'

/** Features of a whole dataset on the host, one row per image in the dataset's order. */
export interface Features {
  /** row after row, length count * width */
  readonly values: Float32Array
  readonly count: number
  /** features per image */
  readonly width: number
  /** class of each image, -1 where it has none; length count */
  readonly labels: Int32Array
  /** positions in the dataset; length count */
  readonly indices: Int32Array
  readonly classes?: readonly string[]
}

export interface ExtractOptions {
  /** what the backbone was trained with */
  readonly normalisation: Normalisation
  /** side of the pictures that the backbone takes, in pixels */
  readonly size: number
  readonly batchSize?: number
  /** at most this many images, from the first */
  readonly limit?: number
  readonly engine?: Pick<Engine, 'compile'>
  /** called after each batch with the number of images done */
  readonly onProgress?: (done: number, total: number) => void
  readonly signal?: AbortSignal
}

/**
 * Features of every image of a dataset, in one pass in stored order; batch normalisation uses its running
 * statistics. Pictures of other sizes are resized to the shorter side and cut to the middle square.
 * @param backbone from [batch, size, size, channels] to [batch, features]
 * @throws SelfsupError when the backbone takes other channels than the dataset has, or no image is left
 */
export async function extractFeatures(
  backbone: LayersModel,
  dataset: ImageDataset,
  options: ExtractOptions,
): Promise<Features> {
  const { normalisation, size } = options
  const channels = backbone.inputs[0]!.shape.at(-1)
  expected(
    channels === dataset.channels,
    `extractFeatures: the backbone takes ${channels} channels, ${dataset.name} has ${dataset.channels}; open the images with channels: ${channels}`,
  )
  const width = backbone.outputs[0]!.shape.at(-1)!
  const compile = options.engine?.compile ?? eager
  const embed = compile((images: tf.Tensor4D) =>
    tf.tidy(() => backbone.predict(normalise(fit(images, size), normalisation)) as tf.Tensor2D),
  )
  return collect(dataset, width, options, async (images) => {
    const input = tf.tensor4d(images.data, [...images.shape], 'int32')
    const features = embed(input)
    input.dispose()
    try {
      return await features.data<'float32'>()
    } finally {
      features.dispose()
    }
  })
}

/**
 * The pixels themselves as features, 0..1: the baseline that says what a method has to beat.
 * @param options.size side to which pictures of other sizes are resized
 */
export async function rawPixels(
  dataset: ImageDataset,
  options: Pick<ExtractOptions, 'size' | 'batchSize' | 'limit' | 'signal' | 'onProgress'>,
): Promise<Features> {
  const width = options.size * options.size * dataset.channels
  return collect(dataset, width, options, async (images) => {
    const [, height, breadth] = images.shape
    if (height === options.size && breadth === options.size)
      return Float32Array.from(images.data, (p) => p / 255)
    const resized = tf.tidy(() =>
      tf.div(fit(tf.tensor4d(images.data, [...images.shape], 'int32'), options.size), 255),
    )
    try {
      return await resized.data<'float32'>()
    } finally {
      resized.dispose()
    }
  })
}

type CollectOptions = Pick<ExtractOptions, 'size' | 'batchSize' | 'limit' | 'signal' | 'onProgress'>

async function collect(
  dataset: ImageDataset,
  width: number,
  { size, batchSize = 256, limit, signal, onProgress }: CollectOptions,
  rowsOf: (images: HostImages) => Promise<Float32Array>,
): Promise<Features> {
  const total = Math.min(limit ?? Number.POSITIVE_INFINITY, dataset.length)
  const values = new Float32Array(total * width)
  const labels = new Int32Array(total)
  const indices = new Int32Array(total)
  let count = 0
  for await (const batch of dataset.batches({ batchSize, size, limit, signal })) {
    signal?.throwIfAborted()
    if (!batch.images) throw new SelfsupError(`${dataset.name} gave a batch without images`)
    values.set(await rowsOf(batch.images), count * width)
    labels.set(batch.labels, count)
    indices.set(batch.indices, count)
    count += batch.labels.length
    onProgress?.(count, total)
  }
  expected(count > 0, `${dataset.name}: no image could be read`)
  return {
    values: values.subarray(0, count * width),
    count,
    width,
    labels: labels.subarray(0, count),
    indices: indices.subarray(0, count),
    classes: dataset.classes,
  }
}

function fit(images: tf.Tensor4D, size: number): tf.Tensor4D {
  const pixels = tf.cast(images, 'float32') as tf.Tensor4D
  if (images.shape[1] === size && images.shape[2] === size) return pixels
  return tf.image.resizeBilinear(pixels, [size, size], false, true)
}

function normalise(pixels: tf.Tensor4D, { mean, std }: Normalisation): tf.Tensor4D {
  const scale = tf.tensor1d(std.map((s) => 1 / (255 * s)))
  const shift = tf.tensor1d(mean.map((m, channel) => -m / std[channel]!))
  return tf.add(tf.mul(pixels, scale), shift)
}

const eager: Engine['compile'] =
  (step) =>
  (...args) =>
    tf.tidy(() => step(...args))
