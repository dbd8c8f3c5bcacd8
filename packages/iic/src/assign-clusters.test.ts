import { convnet } from '@selfsup/backbones'
import { type ImageDataset, uniforms } from '@selfsup/core'
import { type Engine, prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { assignClusters, bestSubHead, clusterProbabilities, type Iic, iic, subHeadLosses } from './index.js'

const [count, size] = [11, 20]
const data = Uint8Array.from(uniforms([7, 1], count * size * size), (u) => u * 256)

/** Noise images in memory, with the parts of a dataset that these tests use. */
const images: ImageDataset = {
  name: 'noise',
  length: count,
  channels: 1,
  imageSize: [size, size],
  fingerprint: 'noise',
  labels: () => undefined,
  async *batches({ batchSize, limit = count, dropLast = false, shuffle }) {
    const order = [...Array(count).keys()]
    if (shuffle) order.reverse()
    for (let start = 0; start < Math.min(limit, count); start += batchSize) {
      const positions = order.slice(start, Math.min(start + batchSize, limit))
      if (dropLast && positions.length < batchSize) return
      const pixels = positions.flatMap((i) => [...data.subarray(i * size * size, (i + 1) * size * size)])
      yield {
        images: { data: Uint8Array.from(pixels), shape: [positions.length, size, size, 1] },
        labels: Int32Array.from(positions, (i) => i % 3),
        indices: Int32Array.from(positions),
      }
    }
  },
  skipped: () => [],
  close: async () => {},
}

let engine: Engine
let method: Iic
beforeAll(async () => {
  engine = await prepareEngine({ engine: testEngines()[0] })
  const backbone = convnet({ size: 16, channels: 1, widths: [4, 8] })
  method = iic(backbone, { clusters: 3, overClusters: 4, subHeads: 2, repeats: 2 })
})
afterAll(() => {
  method.networks.backbone.dispose()
  method.dispose()
})

test('the method’s clusters are those of the sub-head with the lowest loss on the training images', async () => {
  const losses = await subHeadLosses(method, images)
  const subHead = losses[0]! <= losses[1]! ? 0 : 1
  const { assigned } = await assignClusters(method, images, { subHead })
  const { name, clusters, indices } = await method.clusters!({ train: images, test: images })
  expect(name).toBe('its own head')
  expect([...clusters]).toEqual([...assigned])
  expect([...indices]).toEqual([...Array(count).keys()])
})

test('probabilities do not depend on the batch size or on compilation', async () => {
  const before = tf.memory().numTensors
  const whole = await clusterProbabilities(method, images, { head: 'overClusters' })
  expect(whole).toMatchObject({ count, subHeads: 2, clusters: 4 })
  expect([...whole.labels.subarray(0, 4)]).toEqual([0, 1, 2, 0])
  const inParts = await clusterProbabilities(method, images, { head: 'overClusters', batchSize: 4, engine })
  expect([...inParts.indices]).toEqual([...Array(count).keys()])
  for (const [i, value] of inParts.values.entries()) expect(value).toBeCloseTo(whole.values[i]!, 5)
  expect((await clusterProbabilities(method, images, { limit: 5 })).count).toBe(5)
  expect(tf.memory().numTensors).toBe(before)
})

test('assigns an image to the most probable cluster of the given sub-head', async () => {
  const { values } = await clusterProbabilities(method, images)
  const { assigned, subHead } = await assignClusters(method, images, { subHead: 1 })
  expect(subHead).toBe(1)
  for (const [image, cluster] of assigned.entries()) {
    const own = [...values.subarray((2 * image + 1) * 3, (2 * image + 2) * 3)]
    expect(own[cluster]).toBe(Math.max(...own))
  }
  await expect(assignClusters(method, images, { subHead: 2 })).rejects.toThrow(
    'subHead must be a whole number from 0 to 1; got 2',
  )
})

test('losses of sub-heads need no labels and depend only on the seed', async () => {
  const before = tf.memory().numTensors
  const losses = await subHeadLosses(method, images, { batchSize: 5 })
  expect(losses).toHaveLength(2)
  for (const loss of losses) {
    expect(loss).toBeLessThan(1e-4)
    expect(loss).toBeGreaterThan(-Math.log(3))
  }
  const again = await subHeadLosses(method, images, { batchSize: 5, engine })
  for (const [i, loss] of again.entries()) expect(loss).toBeCloseTo(losses[i]!, 4)
  expect(bestSubHead([0, -2, -1])).toBe(1)
  expect(tf.memory().numTensors).toBe(before)
})

test('rejects too few images and a wrong number of channels', async () => {
  await expect(subHeadLosses(method, images, { limit: 1 })).rejects.toThrow('at least 2 images; got 1')
  await expect(clusterProbabilities(method, { ...images, channels: 3 })).rejects.toThrow(
    'iic: the method expects images with 1 channels; noise has 3',
  )
})
