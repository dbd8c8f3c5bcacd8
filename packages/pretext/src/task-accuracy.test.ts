import { convnet } from '@selfsup/backbones'
import { type ImageDataset, uniforms } from '@selfsup/core'
import { type Engine, prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { rotation, taskAccuracy } from './index.js'

const [count, size] = [11, 12]
const data = Uint8Array.from(uniforms([7, 1], count * size * size), (u) => u * 256)

/** Noise in memory, with only the methods that this test needs. */
const images: ImageDataset = {
  name: 'noise',
  length: count,
  channels: 1,
  imageSize: [size, size],
  fingerprint: 'noise',
  labels: () => undefined,
  async *batches({ batchSize, limit = count }) {
    for (let start = 0; start < Math.min(limit, count); start += batchSize) {
      const end = Math.min(start + batchSize, limit, count)
      yield {
        images: {
          data: data.slice(start * size * size, end * size * size),
          shape: [end - start, size, size, 1],
        },
        labels: new Int32Array(end - start).fill(-1),
        indices: Int32Array.from({ length: end - start }, (_, i) => start + i),
      }
    }
  },
  skipped: () => [],
  close: async () => {},
}

let engine: Engine
beforeAll(async () => {
  engine = await prepareEngine({ engine: testEngines()[0] })
})

test('taskAccuracy is the fraction of solved tasks, for any batch size, compiled or not', async () => {
  const backbone = convnet({ size, widths: [4, 8], channels: 1 })
  const method = rotation(backbone, { minScale: 1 })
  const before = tf.memory().numTensors
  const whole = await taskAccuracy(method, images)
  expect(whole).toMatchObject({ tasks: 44, chance: 0.25 })
  const wanted = tf.tidy(() => {
    const pixels = tf.tensor4d(data, [count, size, size, 1], 'int32')
    const step = {
      seed: tf.tensor1d([1, 2], 'int32'),
      progress: tf.scalar(1),
      epoch: tf.scalar(0),
      phase: 'main',
    }
    const none = tf.zeros<tf.Rank.R1>([count], 'int32')
    const views = method.views({ images: pixels, labels: none, indices: none }, step)
    const answers = tf.argMax(method.solve(views), 1).dataSync()
    return [...views.labels.dataSync()].filter((label, i) => label === answers[i]).length / 44
  })
  expect(whole.accuracy).toBeCloseTo(wanted, 6)
  // Whole images without flips: the tasks are not random.
  expect((await taskAccuracy(method, images, { batchSize: 4, engine })).accuracy).toBeCloseTo(wanted, 6)
  expect((await taskAccuracy(method, images, { limit: 5 })).tasks).toBe(20)
  expect(tf.memory().numTensors).toBe(before)
  const empty: ImageDataset = { ...images, async *batches() {} }
  await expect(taskAccuracy(method, empty)).rejects.toThrow('no image of noise could be read')
  method.dispose()
  backbone.dispose()
})
