import { prepareEngine } from '@selfsup/engine'
import { randomNormal } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'
import { beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { batchNormalisations } from './batch-groups.js'
import { BatchNormalization } from './batch-normalization.js'
import { convnet } from './convnet.js'
import { projector } from './heads.js'
import { momentumCopy } from './momentum-copy.js'
import { visionTransformer } from './vit.js'

/** A model with only a batch normalisation: [batch, 2] to [batch, 2]. */
function alone(): tfl.LayersModel {
  const input = tfl.input({ shape: [2] })
  const output = new BatchNormalization({ name: 'bn' }).apply(input) as tfl.SymbolicTensor
  return tfl.model({ inputs: input, outputs: output })
}

describe.each(testEngines())('batch groups on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })
  const images = () => randomNormal<tf.Rank.R4>([6, 8, 8, 3], tf.tensor1d([1, 2], 'int32'))

  test('each group has separate statistics, and the running ones follow their mean', () => {
    const model = alone()
    tf.tidy(() => {
      // Groups with means (1, 20) and (5, 40), unbiased variances (2, 200) and (2, 0).
      const x = tf.tensor2d([0, 10, 2, 30, 4, 40, 6, 40], [4, 2])
      const y = model.apply(x, { training: true, batchGroups: 2 }) as tf.Tensor
      const wanted = [-1, -1, 1, 1, -1, 0, 1, 0]
      y.dataSync().forEach((value, i) => {
        expect(value).toBeCloseTo(wanted[i]!, 4)
      })
      const [, , mean, variance] = model.getWeights().map((weight) => [...weight.dataSync()])
      expect([mean![0], mean![1]]).toEqual([expect.closeTo(0.3, 5), expect.closeTo(3, 5)])
      expect([variance![0], variance![1]]).toEqual([expect.closeTo(1.1, 5), expect.closeTo(10.9, 4)])
    })
    model.dispose()
  })

  test('a network in groups equals the network on each group, including gradients and momentum copies', () => {
    const model = convnet({ size: 8, widths: [4, 6] })
    const copy = momentumCopy({ model })
    const weights = model.trainableWeights.map((weight) => weight.read() as tf.Variable)
    tf.tidy(() => {
      const x = images()
      const apart = () =>
        tf.concat(tf.split(x, 3).map((group) => model.apply(group, { training: true }) as tf.Tensor2D))
      const grouped = () => model.apply(x, { training: true, batchGroups: 3 }) as tf.Tensor2D
      const both = [apart, grouped].map((features) =>
        tf.variableGrads(() => tf.sum(tf.mul(features(), tf.cos(features()))) as tf.Scalar, weights),
      )
      for (const { name } of weights) {
        const [a, b] = both.map(({ grads }) => grads[name]!)
        expect(tf.max(tf.abs(tf.sub(a!, b!))).dataSync()[0]).toBeLessThan(1e-3)
      }
      const ofCopy = copy.apply(x, { training: true, batchGroups: 3 })
      expect(tf.max(tf.abs(tf.sub(ofCopy, apart()))).dataSync()[0]).toBeLessThan(1e-5)
      expect(tf.max(tf.abs(tf.sub(ofCopy, copy.apply(x, { training: true })))).dataSync()[0]).toBeGreaterThan(
        0.01,
      )
    })
    copy.dispose()
    model.dispose()
  })

  test('rejects a batch that cannot be split evenly', () => {
    const model = alone()
    const x = tf.zeros([4, 2])
    expect(() => tf.tidy(() => model.apply(x, { training: true, batchGroups: 3 }) as tf.Tensor)).toThrow(
      'BatchNormalization: batchGroups must divide the batch into groups of equal size; got 3 for a batch of 4',
    )
    x.dispose()
    model.dispose()
  })

  test('outputAffine: false trains no scale and shift but updates statistics', () => {
    const head = projector({ inputs: 3, hidden: 4, outputs: 2, outputBatchNorm: true, outputAffine: false })
    expect(head.trainableWeights).toHaveLength(4)
    tf.tidy(() => {
      const x = randomNormal([4, 3], tf.tensor1d([1, 2], 'int32'))
      head.apply(x, { training: true }) as tf.Tensor
      const [gamma, beta, mean] = head.getLayer('2/bn').getWeights()
      expect([...gamma!.dataSync(), ...beta!.dataSync()]).toEqual([1, 1, 0, 0])
      expect(mean!.dataSync()[0]).not.toBe(0)
    })
    head.dispose()
  })

  test('batchNormalisations distinguishes our layers and those of TensorFlow.js', () => {
    const own = convnet({ size: 8, widths: [4, 4] })
    // Its tokens, registers and scales are saved as batch normalisations, but compute no statistics.
    const options = { size: 8, registers: 1, layerScale: 1e-5 }
    const vit = visionTransformer('tiny', options, { width: 8, depth: 1, heads: 2 })
    const loaded = tfl.sequential({
      layers: [
        tfl.layers.dense({ units: 2, inputShape: [2] }),
        tfl.layers.batchNormalization({ name: 'theirs' }),
      ],
    })
    expect(batchNormalisations(own)).toEqual({ splittable: ['stage1/bn', 'stage2/bn'], whole: [] })
    expect(batchNormalisations(vit)).toEqual({ splittable: [], whole: [] })
    expect(batchNormalisations(loaded)).toEqual({ splittable: [], whole: ['theirs'] })
    for (const model of [own, vit, loaded]) model.dispose()
  })
})
