import { convnet } from '@selfsup/backbones'
import { type Method, trainableWeights, uniforms } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import * as losses from '@selfsup/losses'
import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { barlowTwins, definition, vicreg, vicregDefinition } from './index.js'

type Views = [tf.Tensor4D, tf.Tensor4D]
const small = { widths: [4, 8], size: 16 } as const
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

const methods = {
  'barlow-twins': { definition, head: 'projector', lossOf: losses.barlowTwins },
  vicreg: { definition: vicregDefinition, head: 'expander', lossOf: losses.vicReg },
} as const

describe.each(testEngines())('on %s', (engine) => {
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

  describe.each(Object.entries(methods))('%s', (_, { definition, head, lossOf }) => {
    const made = (channels: 1 | 3 = 3): Method<Views> =>
      definition.create(
        convnet({ ...small, channels }),
        { outputs: 6 },
        { seed: 3 },
      ) as unknown as Method<Views>
    const free = (method: Method<Views>) => {
      method.networks.backbone.dispose()
      method.dispose()
    }

    test('the loss is that of the paper, of two views that are embedded apart', () => {
      const method = made()
      tf.tidy(() => {
        const views = method.views(pictures(6), step())
        const [z1, z2] = views.map((x) => {
          const h = method.networks.backbone.apply(x, { training: true }) as tf.Tensor
          return method.networks[head]!.apply(h, { training: true })
        }) as [tf.Tensor2D, tf.Tensor2D]
        const { loss, features } = method.loss(views, step())
        const wanted = lossOf(z1, z2).dataSync()[0]!
        expect(loss.dataSync()[0]! / wanted).toBeCloseTo(1, 4)
        expect((features as tf.Tensor).shape).toEqual([6, 6])
      })
      free(method)
    })

    test('a few steps on one batch lower the loss', () => {
      const method = made()
      const weights = Object.values(trainableWeights(method.networks))
      const losses = tf.tidy(() => {
        const views = method.views(pictures(16), step())
        return Array.from({ length: 8 }, () => {
          const { value, grads } = tf.variableGrads(() => method.loss(views, step()).loss, weights)
          for (const weight of weights) weight.assign(tf.sub(weight, tf.mul(grads[weight.name]!, 0.01)))
          return value.dataSync()[0]!
        })
      })
      expect(losses.at(-1)).toBeLessThan(losses[0]! - 0.1)
      free(method)
    })

    test('views are two, of the same seed the same, grey for grey pictures', () => {
      const method = made(1)
      tf.tidy(() => {
        const batch = pictures(2, 1)
        const [views, again] = [method.views(batch, step()), method.views(batch, step())]
        expect(views.map(({ shape }) => shape)).toEqual(Array(2).fill([2, 16, 16, 1]))
        for (const [i, view] of views.entries()) expect(view.dataSync()).toEqual(again[i]!.dataSync())
        expect(tf.max(tf.abs(tf.sub(...views))).dataSync()[0]).toBeGreaterThan(0.1)
      })
      expect(method.crops).toHaveLength(2)
      free(method)
    })
  })
})

describe('what is refused, and how weights are trained', () => {
  const backbone = () => convnet(small)
  beforeAll(async () => {
    await prepareEngine({ engine: testEngines()[0] })
  })

  test.each([
    [
      () => barlowTwins(backbone(), { lambda: -1 }),
      "barlow-twins's option lambda must be a number of at least 0",
    ],
    [
      () => barlowTwins(backbone(), { outputs: 1 }),
      "barlow-twins's option outputs must be a whole number of at least 2",
    ],
    [() => vicreg(backbone(), { covariances: 1 } as object), "did you mean 'covariance'?"],
    [() => vicreg(backbone(), { variance: -1 }), "vicreg's option variance must be a number of at least 0"],
  ])('%s', (make, message) => {
    expect(make).toThrow(message)
  })

  test('with LARS, biases and norms of every network have a learning rate of their own', () => {
    const method = barlowTwins(backbone(), { outputs: 4 })
    const { weights, learningRate } = method.groups!.biasesAndNorms!
    const ranks = trainableWeights(method.networks)
    expect(weights).toEqual(Object.keys(ranks).filter((name) => ranks[name]!.rank === 1))
    expect(weights).toContain('backbone/stage1/bn/gamma')
    expect(weights).toContain('projector/2/bn/beta')
    tf.tidy(() => {
      const rateWith = (optimizer: 'lars' | 'sgd') =>
        learningRate!({ scheduled: tf.scalar(0.2), highest: tf.scalar(1), optimizer }, step()).dataSync()[0]
      expect(rateWith('lars')).toBeCloseTo(0.0048, 6)
      expect(rateWith('sgd')).toBeCloseTo(0.2, 6)
    })
    method.networks.backbone.dispose()
    method.dispose()
  })

  test('options are told to whoever writes the run down', () => {
    const method = vicreg(backbone(), { outputs: 4 })
    expect(method.options).toMatchObject({
      invariance: 25,
      variance: 25,
      covariance: 1,
      outputs: 4,
      layers: 3,
    })
    method.networks.backbone.dispose()
    method.dispose()
  })
})
