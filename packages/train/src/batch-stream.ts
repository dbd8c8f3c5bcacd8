import {
  type CropSpec,
  type Dataset,
  expected,
  type HostBatch,
  type HostImages,
  type ImageBatch,
  mixSeed,
  type Seed,
} from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'

/** What the numbers that `mixSeed` gives are for; each purpose is a stream of its own. */
const purposes = { step: 1, order: 2, probe: 3 } as const

/** Seed of all that is random in a step of a run. */
export function stepSeed(run: number, step: number): Seed {
  return mixSeed(run, purposes.step, step)
}

/** Seed of the order in which an epoch of a run goes through the images. */
export function orderSeed(run: number, epoch: number): Seed {
  return mixSeed(run, purposes.order, epoch)
}

/** Seed of the views of the images that a run shows images of. */
export function probeSeed(run: number): Seed {
  return mixSeed(run, purposes.probe, 0)
}

export interface StreamOptions {
  readonly batchSize: number
  readonly crops: readonly CropSpec[]
  readonly seed: number
  readonly epochs: number
  readonly stepsPerEpoch: number
  /** positions in the dataset in the order of an epoch; default all, shuffled by the epoch's seed */
  readonly orderOf?: (epoch: number) => Uint32Array
  /** steps done: the first batch is that of this step */
  readonly start: number
  readonly signal: AbortSignal
}

/** A batch with its place in the run. */
export interface PlacedBatch {
  /** number of the step that it is for, counted from 0 */
  readonly step: number
  readonly batch: HostBatch
}

/** How many batches are asked for before they are needed. */
const ahead = 2

/**
 * The batches of a run from a step on, epoch after epoch, each epoch in an order of its own. They are
 * asked for ahead of time, over the ends of epochs too, so that decoding goes on while a step runs.
 */
export async function* batchStream(dataset: Dataset, options: StreamOptions): AsyncGenerator<PlacedBatch> {
  const source = inOrder(dataset, options)
  const asked: Promise<IteratorResult<PlacedBatch>>[] = []
  const ask = () => {
    const next = source.next()
    next.catch(() => {}) // whoever awaits it gets the error; nobody may, after an abort
    asked.push(next)
  }
  try {
    for (let i = 0; i < ahead; i++) ask()
    while (true) {
      const next = await asked.shift()!
      if (next.done) return
      ask()
      yield next.value
    }
  } finally {
    await source.return(undefined) // nothing is decoded any more once the reader is gone
  }
}

async function* inOrder(dataset: Dataset, options: StreamOptions): AsyncGenerator<PlacedBatch> {
  const { batchSize, crops, seed, epochs, stepsPerEpoch, orderOf, start, signal } = options
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
    })
    let number = startBatch
    for await (const batch of batches) yield { step: first + number++, batch }
    expected(
      number > startBatch,
      `${dataset.name}: no batch of ${batchSize} images came of ${dataset.length}`,
    )
  }
}

/** A batch on the device; the caller disposes of it. */
export function toDevice({ images, crops, values, labels, indices }: HostBatch): ImageBatch {
  return {
    ...(images && { images: pixels(images) }),
    ...(crops && { crops: crops.map(pixels) }),
    ...(values && { values: tf.tensor(values.data, [...values.shape], 'float32') }),
    labels: tf.tensor1d(labels, 'int32'),
    indices: tf.tensor1d(indices, 'int32'),
  }
}

function pixels({ data, shape }: HostImages): tf.Tensor4D {
  return tf.tensor4d(data, [...shape], 'int32')
}

/** How many images a batch holds. */
export function batchLength({ indices }: HostBatch): number {
  return indices.length
}
