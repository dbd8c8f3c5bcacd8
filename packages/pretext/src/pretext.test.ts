import { convnet } from '@selfsup/backbones'
import { uniforms } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import * as losses from '@selfsup/losses'
import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { definition, pretext } from './pretext.js'

const step = () => ({
  seed: tf.tensor1d([5, 6], 'int32'),
  progress: tf.scalar(0),
  epoch: tf.scalar(0),
  phase: 'main',
})

function pictures(count: number, channels: 1 | 3 = 3) {
  const values = Int32Array.from(uniforms([1, 2], count * 16 * 16 * channels), (u) => Math.floor(u * 256))
  return {
    images: tf.tensor4d(values, [count, 16, 16, channels], 'int32'),
    labels: tf.fill([count], -1, 'int32') as tf.Tensor1D,
    indices: tf.range(0, count, 1, 'int32'),
  }
}

describe.each(testEngines())('pretext on %s', (engine) => {
  const small = { widths: [4, 8], size: 16 } as const
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

  test('the loss is that of the paper, of the projected features', () => {
    const backbone = convnet(small)
    const method = pretext(backbone, { outputs: 8 })
    tf.tidy(() => {
      const views = method.views(pictures(4), step())
      const [z1, z2] = views.map((x) => {
        const h = backbone.apply(x, { training: true }) as tf.Tensor
        return method.networks.projector!.apply(h, { training: true })
      }) as [tf.Tensor2D, tf.Tensor2D]
      const { loss } = method.loss(views, step())
      expect(loss.dataSync()[0]).toBeCloseTo(losses.barlowTwins(z1, z2).dataSync()[0]!, 3)
    })
    method.dispose()
    backbone.dispose()
  })

  test('a few steps on one batch lower the loss', () => {
    const backbone = convnet(small)
    const method = pretext(backbone, { outputs: 8 })
    const weights = [backbone, method.networks.projector!].flatMap((model) =>
      model.trainableWeights.map((weight) => weight.read() as tf.Variable),
    )
    const losses = tf.tidy(() => {
      const views = method.views(pictures(16), step())
      return Array.from({ length: 12 }, () => {
        const { value, grads } = tf.variableGrads(() => method.loss(views, step()).loss, weights)
        for (const weight of weights) weight.assign(tf.sub(weight, tf.mul(grads[weight.name]!, 0.01)))
        return value.dataSync()[0]!
      })
    })
    expect(losses.at(-1)).toBeLessThan(losses[0]!)
    method.dispose()
    backbone.dispose()
  })

  test('grey pictures take grey views', () => {
    const backbone = convnet({ ...small, channels: 1 })
    const method = definition.create(backbone, { outputs: 8 }, { seed: 3 })
    tf.tidy(() => {
      const views = method.views(pictures(2, 1), step()) as [tf.Tensor4D, tf.Tensor4D]
      expect(views.map(({ shape }) => shape)).toEqual(Array(2).fill([2, 16, 16, 1]))
    })
    method.dispose()
    backbone.dispose()
  })

  test('options that are out of range are refused', () => {
    const backbone = convnet(small)
    expect(() => pretext(backbone, { lambda: -1 })).toThrow('lambda must be a number of at least 0; got -1')
    backbone.dispose()
  })
})
