import {
  type BatchPart,
  type CropSpec,
  type Dataset,
  expected,
  type HostBatch,
  type HostImages,
  type ImageBatch,
  imageTensor,
  mixSeed,
  rowsOfPart,
  type Seed,
} from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'

/** Purposes of the seeds from `mixSeed`. Each is a separate stream. */
const purposes = { step: 1, order: 2, probe: 3 } as const

/** Seed of all random operations in a step of a run. */
export function stepSeed(run: number, step: number): Seed {
  return mixSeed(run, purposes.step, step)
}

/** Seed of the order of the images in an epoch of a run. */
export function orderSeed(run: number, epoch: number): Seed {
  return mixSeed(run, purposes.order, epoch)
}

/** Seed of the views in the samples that a run shows. */
export function probeSeed(run: number): Seed {
  return mixSeed(run, purposes.probe, 0)
}

export interface StreamOptions {
  readonly batchSize: number
  readonly crops: readonly CropSpec[]
  readonly seed: number
  readonly epochs: number
  readonly stepsPerEpoch: number
  /** positions in the dataset in the order of an epoch; default: all, shuffled by the epoch's seed */
  readonly orderOf?: (epoch: number) => Uint32Array
  /** number of finished steps; the first batch is the one of this step */
  readonly start: number
  readonly signal: AbortSignal
  /** this worker's part of each batch; default: whole batches */
  readonly part?: BatchPart
}

/** A batch and the number of its step. */
export interface PlacedBatch {
  /** counted from 0 */
  readonly step: number
  readonly batch: HostBatch
}

/** Number of batches that are requested before they are needed. */
const ahead = 2

/**
 * Yields the batches of a run, starting at a given step. Each epoch has its own order. Batches are requested ahead of time,
 * also across the end of an epoch, so that decoding continues while a step runs.
 */
export async function* batchStream(dataset: Dataset, options: StreamOptions): AsyncGenerator<PlacedBatch> {
  const source = inOrder(dataset, options)
  const requested: Promise<IteratorResult<PlacedBatch>>[] = []
  const request = () => {
    const next = source.next()
    next.catch(() => {}) // prevents an unhandled rejection: after an abort, nothing awaits this promise
    requested.push(next)
  }
  try {
    for (let i = 0; i < ahead; i++) request()
    while (true) {
      const next = await requested.shift()!
      if (next.done) return
      request()
      yield next.value
    }
  } finally {
    await source.return(undefined) // stops decoding when the consumer stops reading
  }
}

async function* inOrder(dataset: Dataset, options: StreamOptions): AsyncGenerator<PlacedBatch> {
  const { batchSize, crops, seed, epochs, stepsPerEpoch, orderOf, start, signal, part } = options
  for (let epoch = Math.floor(start / stepsPerEpoch); epoch < epochs; epoch++) {
    const first = epoch * stepsPerEpoch
    const startBatch = Math.max(0, start - first)
    const batches = dataset.batches({
      batchSize,
      crops,
      ...(orderOf ? { order: orderOf(epoch) } : { shuffle: orderSeed(seed, epoch) }),
      dropLast: true,
      startBatch,
      endBatch: stepsPerEpoch,
      seedOf: (batch) => stepSeed(seed, first + batch),
      signal,
      ...(part && { part }),
    })
    let number = startBatch
    for await (const batch of batches)
      yield { step: first + number++, batch: part ? partOf(batch, batchSize, part) : batch }
    expected(
      number > startBatch,
      `${dataset.name}: expected batches of ${batchSize} images from ${dataset.length} images; got none`,
    )
  }
}

/** This worker's part of a batch. A dataset that does not know parts yields whole batches. */
function partOf(batch: HostBatch, batchSize: number, part: BatchPart): HostBatch {
  const { start, end } = rowsOfPart(batchSize, part)
  const count = batchLength(batch)
  if (count === end - start) return batch
  expected(
    count === batchSize,
    `several workers: expected a batch of ${batchSize} images, or this worker's ${end - start}; got ${count}`,
  )
  const cut = <Data extends Uint8Array | Float32Array | Int32Array>(data: Data): Data => {
    const width = data.length / count
    return data.subarray(start * width, end * width) as Data
  }
  const images = ({ data, shape: [, ...rest] }: HostImages): HostImages => ({
    data: cut(data),
    shape: [end - start, ...rest],
  })
  return {
    ...(batch.images && { images: images(batch.images) }),
    ...(batch.crops && { crops: batch.crops.map(images) }),
    ...(batch.values && {
      values: { data: cut(batch.values.data), shape: [end - start, ...batch.values.shape.slice(1)] },
    }),
    labels: cut(batch.labels),
    indices: cut(batch.indices),
  }
}

/** Copies a batch to the device; the caller disposes of the tensors. */
export function toDevice({ images, crops, values, labels, indices }: HostBatch): ImageBatch {
  return {
    ...(images && { images: imageTensor(images) }),
    ...(crops && { crops: crops.map(imageTensor) }),
    ...(values && { values: tf.tensor(values.data, [...values.shape], 'float32') }),
    labels: tf.tensor1d(labels, 'int32'),
    indices: tf.tensor1d(indices, 'int32'),
  }
}

/** Number of images in a batch. */
export function batchLength({ indices }: HostBatch): number {
  return indices.length
}
