import { convnet } from '@selfsup/backbones'
import { encoderOf, uniforms } from '@selfsup/core'
import { type Engine, prepareEngine } from '@selfsup/engine'
import { labelledContrastive, labelledTriplet, liftedStructured, nPair, supCon } from '@selfsup/losses'
import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { stepOf } from '../../../tooling/vitest/batches.js'
import { methodEngines, testEngines } from '../../../tooling/vitest/engines.js'
import { definition, metricLearning } from './metric-learning.js'
import type { MetricLearningOptions } from './options.js'

/** Two classes of four images each, one class after the other. */
function images(channels: 1 | 3 = 3) {
  const values = Int32Array.from(uniforms([1, 2], 8 * 16 * 16 * channels), (u) => Math.floor(u * 256))
  return {
    images: tf.tensor4d(values, [8, 16, 16, channels], 'int32'),
    labels: tf.tensor1d([3, 3, 3, 3, 1, 1, 1, 1], 'int32'),
    indices: tf.tensor1d([10, 21, 32, 43, 54, 65, 76, 87], 'int32'),
  }
}

const small = { widths: [4, 8], size: 16 } as const
const losses = ['contrastive', 'triplet', 'n-pair', 'lifted', 'generalised-lifted', 'supcon'] as const

describe.each(methodEngines())('metric learning on %s', (engine) => {
  let tensors: number
  let prepared: Engine
  beforeAll(async () => {
    prepared = await prepareEngine({ engine })
  })
  beforeEach(() => {
    tensors = tf.memory().numTensors
  })
  afterEach(() => {
    expect(tf.memory().numTensors).toBe(tensors)
  })

  /** Checks the loss of a batch against one computed from the method's embeddings and classes. */
  function lossOn(
    options: MetricLearningOptions,
    wanted: (z: tf.Tensor2D, labels: tf.Tensor1D) => tf.Scalar,
  ) {
    const backbone = convnet(small)
    const method = metricLearning(backbone, { outputs: 5, ...options })
    tf.tidy(() => {
      const views = method.views(images(), stepOf())
      const { loss, features, metrics } = method.loss(views, stepOf(), undefined)
      const expectedLoss = wanted(features as tf.Tensor2D, views.labels)
      expect(loss.dataSync()[0]).toBeCloseTo(expectedLoss.dataSync()[0]!, 4)
      expect(loss.dataSync()[0]).toBeGreaterThan(0)
      const recall = metrics!.recall1!.dataSync()[0]!
      expect(8 * views.views.length * recall).toBeCloseTo(Math.round(8 * views.views.length * recall), 4)
    })
    method.dispose()
    backbone.dispose()
  }

  const byClass = { labels: 'classes' } as const
  test.each<[MetricLearningOptions, (z: tf.Tensor2D, labels: tf.Tensor1D) => tf.Scalar]>([
    [
      { loss: 'contrastive', margin: 0.7 },
      (z, y) => labelledContrastive(z, y, { margin: 0.7, normalise: true, reduction: 'nonZero' }),
    ],
    [{ loss: 'triplet' }, (z, y) => labelledTriplet(z, y, { mining: 'semi-hard', margin: 0.2 })],
    [
      { loss: 'triplet', mining: 'all' },
      (z, y) => {
        const options = {
          mining: 'all',
          margin: 0,
          softMargin: true,
          squared: false,
          normalise: false,
        } as const
        return labelledTriplet(z, y, options)
      },
    ],
    [
      { loss: 'triplet', mining: 'hard', margin: 0.3 },
      (z, y) => labelledTriplet(z, y, { mining: 'hard', margin: 0.3, squared: false, normalise: false }),
    ],
    [{ loss: 'lifted' }, (z, y) => liftedStructured(z, y, { normalise: true })],
    [{ loss: 'supcon', temperature: 0.2 }, (z, y) => supCon(z, y, { temperature: 0.2 })],
    [
      { loss: 'n-pair' },
      (z, y) => {
        const rows = (first: number) => tf.range(first, 8, 2, 'int32')
        return nPair(tf.gather(z, rows(0)), tf.gather(z, rows(1)), {
          regularisation: 0.002,
          labels: tf.gather(y, rows(0)),
        })
      },
    ],
  ])('with labels=classes the loss uses the labels of the dataset: %o', (options, wanted) => {
    lossOn({ ...byClass, ...options }, (z, labels) => {
      expect([...labels.dataSync()]).toEqual([3, 3, 3, 3, 1, 1, 1, 1])
      return wanted(z, labels)
    })
  })

  test.each<[MetricLearningOptions, (z: tf.Tensor2D, labels: tf.Tensor1D) => tf.Scalar]>([
    [{ loss: 'supcon' }, (z, y) => supCon(z, y)],
    [
      { loss: 'n-pair' },
      (z) => nPair(...(tf.split(z, 2) as [tf.Tensor2D, tf.Tensor2D]), { regularisation: 0.002 }),
    ],
  ])('with labels=images the views of an image form a class: %o', (options, wanted) => {
    lossOn(options, (z, labels) => {
      const once = [10, 21, 32, 43, 54, 65, 76, 87]
      expect([...labels.dataSync()]).toEqual([...once, ...once])
      expect(z.shape).toEqual([16, 5])
      return wanted(z, labels)
    })
  })

  test.each(losses)('a few compiled steps on one batch lower the loss: %s', (loss) => {
    const backbone = convnet(small)
    const method = metricLearning(backbone, { loss, mining: 'all', outputs: 8, ...byClass })
    const weights = Object.values(method.networks).flatMap((model) =>
      model.trainableWeights.map((weight) => weight.read() as tf.Variable),
    )
    const batch = images()
    const train = prepared.compile((batch: ReturnType<typeof images>) => {
      const views = method.views(batch, stepOf())
      const { value, grads } = tf.variableGrads(() => method.loss(views, stepOf(), undefined).loss, weights)
      for (const weight of weights) weight.assign(tf.sub(weight, tf.mul(grads[weight.name]!, 0.1)))
      return value
    })
    const values = Array.from({ length: 5 }, () => tf.tidy(() => train(batch).dataSync()[0]!))
    expect(values.at(-1)).toBeLessThan(values[0]!)
    train.dispose()
    tf.dispose(batch)
    method.dispose()
    backbone.dispose()
  })

  test('features are embeddings of length 1; without a head they are the backbone’s', () => {
    const backbone = convnet({ ...small, channels: 1 })
    for (const outputs of [5, 0]) {
      const method = definition.create(backbone, { outputs })
      tf.tidy(() => {
        const x = tf.randomNormal([3, 16, 16, 1], 0, 1, 'float32', 1) as tf.Tensor4D
        const embeddings = encoderOf(method)(x)
        expect(embeddings.shape).toEqual([3, outputs || 8])
        for (const length of tf.sum(tf.square(embeddings), 1).dataSync()) expect(length).toBeCloseTo(1, 5)
      })
      expect(Object.keys(method.networks)).toHaveLength(outputs ? 2 : 1)
      method.dispose()
    }
    backbone.dispose()
  })

  test('creates the given number of one-channel views of grey images', () => {
    const backbone = convnet({ ...small, channels: 1 })
    const method = metricLearning(backbone, { copies: 3 })
    tf.tidy(() => {
      const { views, labels } = method.views(images(1), stepOf())
      expect([views.length, views[0]!.shape, labels.shape]).toEqual([3, [8, 16, 16, 1], [24]])
      expect(tf.max(tf.abs(tf.sub(views[0]!, views[2]!))).dataSync()[0]).toBeGreaterThan(0.1)
    })
    expect(method.crops).toHaveLength(3)
    method.dispose()
    backbone.dispose()
  })
})

describe('rejects invalid options and datasets before training', () => {
  beforeAll(async () => {
    await prepareEngine({ engine: testEngines()[0] })
  })
  const refused = (options: MetricLearningOptions) => {
    const backbone = convnet(small)
    try {
      metricLearning(backbone, options).dispose()
    } finally {
      backbone.dispose()
    }
  }

  test.each<[MetricLearningOptions, string]>([
    [{ copies: 1 }, 'copies must be at least 2 with labels=images'],
    [{ loss: 'n-pair', labels: 'classes', perClass: 3 }, 'perClass must be even'],
    [{ loss: 'n-pair', copies: 3 }, 'copies must be even'],
    [{ temperature: 0 }, 'temperature must be a number of at least 0.001; got 0'],
    [{ loss: 'arcface' } as unknown as MetricLearningOptions, 'loss must be one of contrastive, triplet'],
  ])('%o', (options, message) => {
    expect(() => refused(options)).toThrow(message)
  })

  test('labels=classes needs labels and enough images of each class; labels=images does not', () => {
    const backbone = convnet(small)
    const method = metricLearning(backbone, { labels: 'classes', perClass: 4 })
    const pass = { batchSize: 8, epoch: 0, seed: [1, 2] } as const
    expect(method.needs).toEqual({ labels: true })
    expect(() => method.order!({ length: 9 }, pass)).toThrow('needs a dataset with labels')
    const labels = Int32Array.of(0, 0, 0, 0, 1, 1, 1)
    expect(() => method.order!({ length: 7, labels }, pass)).toThrow(
      'each class needs at least perClass (4) images; class 1 has 3',
    )
    const enough = Int32Array.of(0, 0, 0, 0, 1, 1, 1, 1)
    expect([...method.order!({ length: 8, labels: enough }, pass)]).toHaveLength(8)
    const alone = metricLearning(backbone)
    expect([alone.needs, alone.order]).toEqual([{ labels: false }, undefined])
    for (const made of [method, alone]) made.dispose()
    backbone.dispose()
  })
})
