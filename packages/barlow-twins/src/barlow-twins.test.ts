import { convnet } from '@selfsup/backbones'
import { type Method, trainableWeights } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import * as losses from '@selfsup/losses'
import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { imageBatch, stepOf } from '../../../tooling/vitest/batches.js'
import { methodEngines, testEngines } from '../../../tooling/vitest/engines.js'
import { barlowTwins, definition, vicreg, vicregDefinition } from './index.js'

type Views = [tf.Tensor4D, tf.Tensor4D]
const small = { widths: [4, 8], size: 16 } as const
const methods = {
  'barlow-twins': { definition, head: 'projector', lossOf: losses.barlowTwins },
  vicreg: { definition: vicregDefinition, head: 'expander', lossOf: losses.vicReg },
} as const

describe.each(methodEngines())('on %s', (engine) => {
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

    test('the loss is the paper’s, of two views that are embedded in separate batches', () => {
      const method = made()
      tf.tidy(() => {
        const views = method.views(imageBatch(6), stepOf())
        const [z1, z2] = views.map((x) => {
          const h = method.networks.backbone.apply(x, { training: true }) as tf.Tensor
          return method.networks[head]!.apply(h, { training: true })
        }) as [tf.Tensor2D, tf.Tensor2D]
        const { loss, features } = method.loss(views, stepOf())
        const wanted = lossOf(z1, z2).dataSync()[0]!
        expect(loss.dataSync()[0]! / wanted).toBeCloseTo(1, 4)
        expect((features as tf.Tensor).shape).toEqual([6, 6])
      })
      free(method)
    })

    test('creates two different views, with one channel for grey images', () => {
      const method = made(1)
      tf.tidy(() => {
        const batch = imageBatch(2, { channels: 1 })
        const views = method.views(batch, stepOf())
        expect(views.map(({ shape }) => shape)).toEqual(Array(2).fill([2, 16, 16, 1]))
        expect(tf.max(tf.abs(tf.sub(...views))).dataSync()[0]).toBeGreaterThan(0.1)
      })
      expect(method.crops).toHaveLength(2)
      free(method)
    })
  })
})

describe('options and parameter groups', () => {
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
  ])('rejects invalid options: %#', (make, message) => {
    expect(make).toThrow(message)
  })

  test('with LARS, biases and norms of every network have a separate learning rate', () => {
    const method = barlowTwins(backbone(), { outputs: 4 })
    const { weights, learningRate } = method.groups!.biasesAndNorms!
    const ranks = trainableWeights(method.networks)
    expect(weights).toEqual(Object.keys(ranks).filter((name) => ranks[name]!.rank === 1))
    expect(weights).toContain('backbone/stage1/bn/gamma')
    expect(weights).toContain('projector/2/bn/beta')
    tf.tidy(() => {
      const rateWith = (optimizer: 'lars' | 'sgd') =>
        learningRate!({ scheduled: tf.scalar(0.2), highest: tf.scalar(1), optimizer }, stepOf()).dataSync()[0]
      expect(rateWith('lars')).toBeCloseTo(0.0048, 6)
      expect(rateWith('sgd')).toBeCloseTo(0.2, 6)
    })
    method.networks.backbone.dispose()
    method.dispose()
  })
})
