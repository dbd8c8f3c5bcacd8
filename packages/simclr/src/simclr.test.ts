import { convnet } from '@selfsup/backbones'
import { uniforms } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import { ntXent } from '@selfsup/losses'
import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { definition, simclr } from './simclr.js'

const seed = () => tf.tensor1d([5, 6], 'int32')
const step = () => ({ seed: seed(), progress: tf.scalar(0), epoch: tf.scalar(0), phase: 'main' })

function pictures(count: number, channels: 1 | 3 = 3) {
  const values = Int32Array.from(uniforms([1, 2], count * 16 * 16 * channels), (u) => Math.floor(u * 256))
  return {
    images: tf.tensor4d(values, [count, 16, 16, channels], 'int32'),
    labels: tf.fill([count], -1, 'int32') as tf.Tensor1D,
    indices: tf.range(0, count, 1, 'int32'),
  }
}

describe.each(testEngines())('simclr on %s', (engine) => {
  let tensors: number
  beforeAll(async () => {
    await prepareEngine({ engine })
  })
  beforeEach(() => {
    tensors = tf.memory().numTensors
  })
  afterEach(() => {
    expect(tf.memory().numTensors).toBe(tensors)
  })
  const small = { widths: [4, 8], size: 16 } as const

  test('views are two, of the backbone’s size, different, and the same for the same seed', () => {
    const backbone = convnet(small)
    const method = simclr(backbone)
    tf.tidy(() => {
      const batch = pictures(4)
      const [x1, x2] = method.views(batch, step())
      const [again] = method.views(batch, step())
      expect(x1.shape).toEqual([4, 16, 16, 3])
      expect(x2.shape).toEqual([4, 16, 16, 3])
      expect(tf.max(tf.abs(tf.sub(x1, x2))).dataSync()[0]).toBeGreaterThan(0.1)
      expect(tf.max(tf.abs(tf.sub(x1, again))).dataSync()[0]).toBe(0)
    })
    expect(method.crops).toHaveLength(2)
    method.dispose()
    backbone.dispose()
  })

  test('the loss is NT-Xent of the projected features of both views, normalised together', () => {
    const backbone = convnet(small)
    const method = simclr(backbone, { temperature: 0.2 })
    tf.tidy(() => {
      const [x1, x2] = method.views(pictures(4), step())
      const h = backbone.apply(tf.concat([x1, x2]), { training: true }) as tf.Tensor
      const z = method.networks.projector!.apply(h, { training: true }) as tf.Tensor2D
      const [z1, z2] = tf.split(z, 2) as [tf.Tensor2D, tf.Tensor2D]
      const { loss, features } = method.loss([x1, x2], step())
      expect(loss.dataSync()[0]).toBeCloseTo(ntXent(z1, z2, { temperature: 0.2 }).dataSync()[0]!, 4)
      expect((features as tf.Tensor).shape).toEqual([4, 128])
    })
    method.dispose()
    backbone.dispose()
  })

  test('a few steps on one batch lower the loss', () => {
    const backbone = convnet(small)
    const method = simclr(backbone, { outputs: 16 })
    const weights = [backbone, method.networks.projector!].flatMap((model) =>
      model.trainableWeights.map((weight) => weight.read() as tf.Variable),
    )
    const losses = tf.tidy(() => {
      const views = method.views(pictures(16), step())
      return Array.from({ length: 24 }, () => {
        const { value, grads } = tf.variableGrads(() => method.loss(views, step()).loss, weights)
        for (const weight of weights) weight.assign(tf.sub(weight, tf.mul(grads[weight.name]!, 0.01)))
        return value.dataSync()[0]!
      })
    })
    expect(losses.at(-1)).toBeLessThan(losses[0]! - 0.5)
    method.dispose()
    backbone.dispose()
  })

  test.each([
    [{}, 8],
    [{ jitter: 0 }, 1],
  ])('%j: reds of one red in the views', (options, atLeast) => {
    const backbone = convnet(small)
    const method = simclr(backbone, { ...options, outputs: 8 })
    const drawn = tf.tidy(() => {
      const images = tf.tile(tf.tensor4d([200, 50, 20], [1, 1, 1, 3], 'int32'), [16, 16, 16, 1])
      const [x1] = method.views({ ...pictures(16), images }, step())
      return [...tf.slice(x1, [0, 8, 8, 0], [16, 1, 1, 1]).dataSync()]
    })
    const reds = new Set(drawn.map((red) => red.toFixed(3)))
    // Without jitter there is that red and, of those turned grey, its grey.
    expect(reds.size).toBeGreaterThanOrEqual(atLeast)
    if (atLeast === 1) expect(reds.size).toBeLessThanOrEqual(2)
    method.dispose()
    backbone.dispose()
  })

  test('grey pictures take grey views', () => {
    const backbone = convnet({ ...small, channels: 1 })
    const method = definition.create(backbone, { outputs: 8 }, { seed: 3 })
    tf.tidy(() => {
      const views = method.views(pictures(2, 1), step()) as [tf.Tensor4D, tf.Tensor4D]
      expect(views[0].shape).toEqual([2, 16, 16, 1])
      expect(Number.isFinite(method.loss(views, step()).loss.dataSync()[0])).toBe(true)
    })
    method.dispose()
    backbone.dispose()
  })
})

test('options are resolved, checked, and told to whoever writes the run down', async () => {
  await prepareEngine({ engine: testEngines()[0] })
  const backbone = convnet({ size: 16, widths: [4, 8] })
  const method = simclr(backbone, { outputs: 8 })
  expect(method.options).toMatchObject({ temperature: 0.5, outputs: 8, layers: 2, views: 'auto' })
  expect(() => simclr(backbone, { temperature: 0 })).toThrow(
    "simclr's option temperature must be a number of at least 0.001; got 0",
  )
  expect(() => simclr(backbone, { temperatur: 1 } as object)).toThrow("did you mean 'temperature'?")
  method.dispose()
  backbone.dispose()
})
