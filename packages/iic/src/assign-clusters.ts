import {
  type ClusterContext,
  expected,
  type HostBatch,
  type ImageBatch,
  type ImageDataset,
  mixSeed,
} from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { Iic, IicHead, IicPair } from './iic-types.js'

export interface AssignOptions {
  /** whose clusters; default `clusters` */
  readonly head?: IicHead
  /** at most so many images; default all */
  readonly limit?: number
  /** default 500 */
  readonly batchSize?: number
  readonly engine?: ClusterContext['engine']
  readonly signal?: AbortSignal
}

/** What a head says of each image, in the dataset's order. */
export interface ClusterProbabilities {
  /** [count, subHeads, clusters], row after row */
  readonly values: Float32Array
  readonly count: number
  readonly subHeads: number
  readonly clusters: number
  /** class of each image, -1 where it has none */
  readonly labels: Int32Array
  /** positions in the dataset */
  readonly indices: Int32Array
}

export interface ClusterAssignment extends Omit<ClusterProbabilities, 'values'> {
  /** the most probable cluster of each image */
  readonly assigned: Int32Array
  /** the sub-head that was asked */
  readonly subHead: number
}

/**
 * What each sub-head of a head says of every image: batch normalisation at rest, the middle of the image as training's
 * plain views have it.
 * @throws SelfsupError when the method has no such head or the dataset other channels than it was made for
 */
export async function clusterProbabilities(
  method: Iic,
  dataset: ImageDataset,
  { head = 'clusters', limit, batchSize = 500, engine, signal }: AssignOptions = {},
): Promise<ClusterProbabilities> {
  const { mean, std } = method.normalisation
  expectChannels(method, dataset)
  const step = (images: tf.Tensor4D) =>
    tf.tidy(() => {
      const pixels = tf.mul(images, 1 / 255)
      const pictures = tf.div(tf.sub(pixels, tf.tensor1d([...mean])), tf.tensor1d([...std]))
      return method.probabilities(pictures as tf.Tensor4D, head)
    })
  const compiled = engine?.compile(step)
  const parts: { rows: Float32Array; batch: HostBatch }[] = []
  let shape: readonly number[] = [0, 0, 0]
  try {
    for await (const batch of dataset.batches({ batchSize, limit, size: method.imageSize, signal })) {
      const images = imagesOf(batch, dataset)
      const probabilities = (compiled ?? step)(images)
      shape = probabilities.shape
      parts.push({ rows: await probabilities.data<'float32'>(), batch })
      tf.dispose([images, probabilities])
    }
  } finally {
    compiled?.dispose()
  }
  const [, subHeads, clusters] = shape as [number, number, number]
  return {
    values: joined(
      Float32Array,
      parts.map(({ rows }) => rows),
    ),
    count: parts.reduce((sum, { batch }) => sum + batch.labels.length, 0),
    subHeads,
    clusters,
    labels: joined(
      Int32Array,
      parts.map(({ batch }) => batch.labels),
    ),
    indices: joined(
      Int32Array,
      parts.map(({ batch }) => batch.indices),
    ),
  }
}

/**
 * The loss of each sub-head over images and transformed copies of them, without labels: the lowest is the best
 * (`get_subhead_using_loss` of the authors' code). Images are taken in a random order, since a batch must hold all sorts.
 * @param options.limit default 10,000
 * @param options.seed of order and copies; default 0
 * @returns one number for each sub-head, the mean over batches
 * @throws SelfsupError when there are fewer images than two
 */
export async function subHeadLosses(
  method: Iic,
  dataset: ImageDataset,
  {
    head = 'clusters',
    limit = 10_000,
    batchSize = 250,
    engine,
    signal,
    seed = 0,
  }: AssignOptions & { readonly seed?: number } = {},
): Promise<number[]> {
  expectChannels(method, dataset)
  const step = (images: tf.Tensor4D, seed: tf.Tensor1D) =>
    tf.tidy(() => {
      const batch: ImageBatch = {
        images,
        labels: tf.tensor1d([], 'int32'),
        indices: tf.tensor1d([], 'int32'),
      }
      const views = method.views(batch, { seed, progress: tf.scalar(1), epoch: tf.scalar(0), phase: head })
      return method.subHeadLosses(views as IicPair, head)
    })
  const count = Math.min(limit, dataset.length)
  expected(count >= 2, `iic: the loss of a sub-head needs at least 2 images; got ${count}`)
  const compiled = engine?.compile(step)
  const size = Math.min(batchSize, count)
  const sums: number[] = []
  let batches = 0
  try {
    const options = { batchSize: size, limit: count, size: method.imageSize, signal, dropLast: true }
    for await (const batch of dataset.batches({ ...options, shuffle: mixSeed(seed, 1, 0) })) {
      const images = imagesOf(batch, dataset)
      const own = tf.tensor1d([...mixSeed(seed, 2, batches++)], 'int32')
      const losses = (compiled ?? step)(images, own)
      for (const [i, loss] of (await losses.data<'float32'>()).entries()) sums[i] = (sums[i] ?? 0) + loss
      tf.dispose([images, own, losses])
    }
  } finally {
    compiled?.dispose()
  }
  return sums.map((sum) => sum / batches)
}

/**
 * The cluster of every image, by one sub-head.
 * @param options.subHead which; choose it by `subHeadLosses` on the training images: `bestSubHead(losses)`
 * @throws SelfsupError as `clusterProbabilities`, and when there is no such sub-head
 */
export async function assignClusters(
  method: Iic,
  dataset: ImageDataset,
  { subHead, ...options }: AssignOptions & { readonly subHead: number },
): Promise<ClusterAssignment> {
  const { values, ...facts } = await clusterProbabilities(method, dataset, options)
  const { count, subHeads, clusters } = facts
  expected(
    Number.isInteger(subHead) && subHead >= 0 && subHead < subHeads,
    `assignClusters: subHead must be a whole number from 0 to ${subHeads - 1}; got ${subHead}`,
  )
  const assigned = Int32Array.from({ length: count }, (_, image) => {
    const start = (image * subHeads + subHead) * clusters
    return indexOfMax(values.subarray(start, start + clusters))
  })
  return { ...facts, assigned, subHead }
}

/** The sub-head to take, by the losses of all: that of the lowest. */
export function bestSubHead(losses: readonly number[]): number {
  return losses.indexOf(Math.min(...losses))
}

/** Position of the highest number, the first of several. */
export function indexOfMax(values: ArrayLike<number>): number {
  let best = 0
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i
  return best
}

function expectChannels({ normalisation }: Iic, { name, channels }: ImageDataset): void {
  const { length } = normalisation.mean
  expected(
    channels === length,
    `iic: the method was made for pictures of ${length} channels; ${name} has ${channels}`,
  )
}

function imagesOf({ images }: HostBatch, { name }: ImageDataset): tf.Tensor4D {
  expected(images, `${name} gave a batch without images`)
  return tf.tensor4d(images.data, [...images.shape], 'int32')
}

function joined<Values extends Float32Array | Int32Array>(
  Kind: new (length: number) => Values,
  parts: readonly Values[],
): Values {
  const whole = new Kind(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
