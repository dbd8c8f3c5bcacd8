import {
  type ClusterContext,
  expected,
  type HostBatch,
  type ImageBatch,
  type ImageDataset,
  imageTensor,
  mixSeed,
} from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { Iic, IicHead, IicPair } from './iic-types.js'

export interface AssignOptions {
  /** default `clusters` */
  readonly head?: IicHead
  /** maximum number of images; default all */
  readonly limit?: number
  /** default 500 */
  readonly batchSize?: number
  readonly engine?: ClusterContext['engine']
  readonly signal?: AbortSignal
}

/** Cluster probabilities of each image, in the dataset's order. */
export interface ClusterProbabilities {
  /** [count, subHeads, clusters], row by row */
  readonly values: Float32Array
  readonly count: number
  readonly subHeads: number
  readonly clusters: number
  /** class of each image, -1 if it has none */
  readonly labels: Int32Array
  /** positions in the dataset */
  readonly indices: Int32Array
}

export interface ClusterAssignment extends Omit<ClusterProbabilities, 'values'> {
  /** the most probable cluster of each image */
  readonly assigned: Int32Array
  /** index of the sub-head */
  readonly subHead: number
}

/**
 * Computes the cluster probabilities of every image for each sub-head of a head, in inference mode, on the centre crop
 * that the plain views of training also use.
 * @throws SelfsupError when the method has no such head, or the dataset's number of channels does not match the method
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
      const normalised = tf.div(tf.sub(pixels, tf.tensor1d([...mean])), tf.tensor1d([...std]))
      return method.probabilities(normalised as tf.Tensor4D, head)
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
 * Computes the loss of each sub-head on images and their transformed copies, without labels. The sub-head with the lowest
 * loss is the best (`get_subhead_using_loss` in the authors' code). Images are shuffled, because a batch has to contain
 * all classes.
 * @param options.limit default 10,000
 * @param options.seed seed of the order and of the copies; default 0
 * @returns one loss per sub-head, the mean over batches
 * @throws SelfsupError when there are fewer than two images
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
 * Assigns every image to a cluster of one sub-head.
 * @param options.subHead index of the sub-head; choose it with `bestSubHead(losses)` of the training images' `subHeadLosses`
 * @throws SelfsupError for the reasons of `clusterProbabilities`, and when there is no such sub-head
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

/** Index of the sub-head with the lowest loss. */
export function bestSubHead(losses: readonly number[]): number {
  return losses.indexOf(Math.min(...losses))
}

/** Index of the maximum; of several, the first. */
export function indexOfMax(values: ArrayLike<number>): number {
  let best = 0
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i
  return best
}

function expectChannels({ normalisation }: Iic, { name, channels }: ImageDataset): void {
  const { length } = normalisation.mean
  expected(
    channels === length,
    `iic: the method expects images with ${length} channels; ${name} has ${channels}`,
  )
}

function imagesOf({ images }: HostBatch, { name }: ImageDataset): tf.Tensor4D {
  expected(images, `iic: batches must contain images; ${name} yielded one without`)
  return imageTensor(images)
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
