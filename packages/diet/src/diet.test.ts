import { convnet } from '@selfsup/backbones'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { stepOf } from '../../../tooling/vitest/batches.js'
import { methodEngines } from '../../../tooling/vitest/engines.js'
import { expectNear } from '../../../tooling/vitest/near.js'
import { diet } from './diet.js'
import fixture from './fixtures/losses.json' with { type: 'json' }
import { instanceClassification } from './index.js'

// The fixture was created by fixtures/make_losses.py with PyTorch's cross_entropy.
describe.each(methodEngines())('on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })

  test.each(fixture)('loss and gradients equal PyTorch’s cross entropy, smoothing $smoothing', (one) => {
    tf.tidy(() => {
      const indices = tf.tensor1d(one.indices, 'int32')
      const { value, grads } = tf.valueAndGrads((x, w) =>
        instanceClassification(x as tf.Tensor2D, w as tf.Tensor2D, indices, one),
      )([tf.tensor2d(one.features, [4, 5]), tf.tensor2d(one.weights, [9, 5])])
      expectNear(value, [one.loss])
      for (const [i, grad] of grads.entries()) expectNear(grad, one.gradients[i]!)
    })
  })
})

describe('diet', () => {
  beforeAll(async () => {
    await prepareEngine({ engine: 'wasm' })
  })

  test('trains the classifier alone at first', () => {
    const backbone = convnet({ size: 8, widths: [2] })
    const method = diet(backbone, { frozen: 0.1 }, { imageCount: 5 })
    const rates = { scheduled: tf.scalar(0.5), highest: tf.scalar(1), optimizer: 'adamw' } as const
    const rateAt = (progress: number) =>
      method.groups!.backbone!.learningRate!(rates, stepOf('main', { progress })).dataSync()[0]
    expect([0, 0.09, 0.11, 1].map(rateAt)).toEqual([0, 0, 0.5, 0.5])
    expect(method.parameters!.classifier!.shape).toEqual([5, 2])
    for (const made of [method, backbone]) made.dispose()
  })

  test('must know the number of images', () => {
    const backbone = convnet({ size: 8, widths: [2] })
    expect(() => diet(backbone)).toThrow('diet must know the number of training images')
    backbone.dispose()
  })
})
