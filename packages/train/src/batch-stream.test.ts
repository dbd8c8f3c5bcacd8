import type { HostBatch, ImageDataset } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { batchStream, type StreamOptions, stepSeed, toDevice } from './batch-stream.js'
import { tinyDataset } from './fixtures/tiny.js'

const options: StreamOptions = {
  batchSize: 4,
  crops: [],
  seed: 3,
  epochs: 3,
  stepsPerEpoch: 5,
  start: 0,
  signal: new AbortController().signal,
}

async function collect(more: Partial<StreamOptions> = {}, dataset: ImageDataset = tinyDataset(22)) {
  const all: { step: number; indices: number[] }[] = []
  for await (const { step, batch } of batchStream(dataset, { ...options, ...more }))
    all.push({ step, indices: [...batch.indices] })
  return all
}

test('each epoch has its own order of the images, which depends only on the run’s seed', async () => {
  const all = await collect()
  expect(all.map(({ step }) => step)).toEqual([...Array(15).keys()])
  const epochs = [0, 5, 10].map((start) => all.slice(start, start + 5).flatMap(({ indices }) => indices))
  for (const epoch of epochs) expect(new Set(epoch).size).toBe(20)
  expect(epochs[0]).not.toEqual(epochs[1])
  expect(await collect()).toEqual(all)
  expect(await collect({ seed: 4 })).not.toEqual(all)
})

test('a stream that starts at a later step yields the same remaining batches', async () => {
  const all = await collect()
  for (const start of [1, 5, 7, 14, 15]) expect(await collect({ start })).toEqual(all.slice(start))
})

test('passes the seed of each step to the dataset, for crops that are cut while decoding', async () => {
  const seen: unknown[] = []
  const dataset: ImageDataset = {
    ...tinyDataset(22),
    batches: (given) => {
      for (let batch = 0; batch < 5; batch++) seen.push(given.seedOf!(batch))
      return tinyDataset(22).batches(given)
    },
  }
  await collect({ start: 7 }, dataset)
  expect(seen).toEqual(Array.from({ length: 10 }, (_, i) => stepSeed(3, 5 + i)))
  expect(new Set(Array.from({ length: 1000 }, (_, i) => stepSeed(3, i).join())).size).toBe(1000)
})

test('requests batches while the previous one is in use, also across the end of an epoch', async () => {
  let asked = 0
  const dataset: ImageDataset = {
    ...tinyDataset(8),
    async *batches(given) {
      for await (const batch of tinyDataset(8).batches(given)) {
        asked++
        yield batch
      }
    },
  }
  const stream = batchStream(dataset, { ...options, stepsPerEpoch: 2 })
  await stream.next()
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(asked).toBe(3)
  await stream.next()
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(asked).toBe(4)
  await stream.return(undefined)
})

test('a dataset that yields nothing is an error, not an endless loop', async () => {
  const empty: ImageDataset = { ...tinyDataset(22), async *batches(): AsyncGenerator<HostBatch> {} }
  await expect(collect({}, empty)).rejects.toThrow(
    'tiny: expected batches of 4 images from 22 images; got none',
  )
})

test('copies crops and labels to the device in the shapes and types of ImageBatch', async () => {
  await prepareEngine({ engine: 'cpu' })
  const crop = { data: Uint8Array.from({ length: 2 * 3 * 3 * 3 }, (_, i) => i), shape: [2, 3, 3, 3] as const }
  const labels = Int32Array.of(-1, 4)
  const batch = toDevice({ crops: [crop, crop], labels, indices: Int32Array.of(8, 9) })
  expect(batch.images).toBeUndefined()
  expect(batch.crops!.map(({ shape, dtype }) => [shape, dtype])).toEqual(
    Array(2).fill([[2, 3, 3, 3], 'int32']),
  )
  expect([...batch.crops![0]!.dataSync()]).toEqual([...crop.data])
  expect([batch.labels.dtype, ...batch.labels.dataSync()]).toEqual(['int32', -1, 4])
  tf.dispose([batch.crops!, batch.labels, batch.indices])
})
