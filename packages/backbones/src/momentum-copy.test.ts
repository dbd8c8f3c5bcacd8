import { weightNames } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import { randomNormal } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'
import { beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { convnet } from './convnet.js'
import { projector } from './heads.js'
import { momentumCopy } from './momentum-copy.js'
import { visionTransformer } from './vit.js'

/** A user's model with only standard layers. */
function plain(): tfl.LayersModel {
  return tfl.sequential({
    layers: [
      tfl.layers.conv2d({ filters: 4, kernelSize: 3, inputShape: [8, 8, 3] }),
      tfl.layers.batchNormalization(),
      tfl.layers.globalAveragePooling2d({}),
      tfl.layers.dense({ units: 5 }),
    ],
  })
}

function close(actual: readonly number[], wanted: readonly number[]): void {
  const worst = wanted.reduce((most, value, i) => Math.max(most, Math.abs(value - actual[i]!)), 0)
  expect(actual).toHaveLength(wanted.length)
  expect(worst).toBeLessThan(1e-5)
}

describe.each(testEngines())('momentum copies on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })
  const images = (stream = 1) => randomNormal<tf.Rank.R4>([4, 8, 8, 3], tf.tensor1d([1, stream], 'int32'))
  const values = (tensors: Iterable<tf.Tensor>) => [...tensors].map((tensor) => [...tensor.dataSync()])

  test.each([
    ['a ConvNet', () => convnet({ size: 8, widths: [4, 5] })],
    ['a vision transformer', () => visionTransformer('tiny', { size: 8 }, { width: 8, depth: 2, heads: 2 })],
    ['standard layers', plain],
  ])('%s and a projector: the same values and names, separate data', (_, make) => {
    const before = tf.memory().numTensors
    const backbone = make()
    const networks = {
      backbone,
      projector: projector({ inputs: backbone.outputs[0]!.shape[1]!, hidden: 6, outputs: 3 }),
    }
    const copy = momentumCopy(networks)
    const own = weightNames(networks)
    expect(Object.keys(copy.values)).toEqual([...own.keys()])
    expect(values(Object.values(copy.values))).toEqual(values(own.values()))
    for (const [name, variable] of own) {
      expect(copy.values[name]!.dataId).not.toBe(variable.dataId)
      expect(copy.values[name]!.trainable).toBe(false)
    }
    const withModels = tf.memory().numTensors
    tf.tidy(() => {
      for (const training of [false, true]) {
        const direct = networks.projector.apply(
          networks.backbone.apply(images(), { training }) as tf.Tensor,
          {
            training,
          },
        ) as tf.Tensor
        expect([...copy.apply(images(), { training }).dataSync()]).toEqual([...direct.dataSync()])
      }
    })
    expect(tf.memory().numTensors).toBe(withModels)
    copy.dispose()
    for (const network of Object.values(networks)) network.dispose()
    expect(tf.memory().numTensors).toBe(before)
  })

  test('assigning to the copy changes it and not its original', () => {
    const model = plain()
    const copy = momentumCopy({ model })
    tf.tidy(() => {
      const first = [...copy.apply(images()).dataSync()]
      const kernel = 'model/dense_Dense1/kernel'
      copy.originals[kernel]!.assign(tf.mul(copy.originals[kernel]!, 2))
      expect([...copy.apply(images()).dataSync()]).toEqual(first)
      copy.averages[kernel]!.assign(tf.mul(copy.averages[kernel]!, 2))
      const doubled = [...copy.apply(images()).dataSync()]
      expect(doubled).not.toEqual(first)
      expect(doubled).toEqual([...(model.apply(images()) as tf.Tensor).dataSync()])
    })
    copy.dispose()
    model.dispose()
  })

  test.each([
    ['this package’s', () => convnet({ size: 8, widths: [4] })],
    ['TensorFlow.js’s', plain],
  ])('%s running statistics change only in the copy, if at all', (_, make) => {
    const model = make()
    const copy = momentumCopy({ model })
    const statistics = (weights: Iterable<[string, tf.Variable]>) =>
      values([...weights].filter(([name]) => name.includes('moving_')).map(([, variable]) => variable))
    const ofModel = () => statistics(weightNames({ model }))
    const ofCopy = () => statistics(Object.entries(copy.values))
    const initial = ofModel()
    expect(initial).toHaveLength(2)
    expect(Object.keys(copy.averages).filter((name) => name.includes('moving_'))).toEqual([])
    expect(Object.keys(copy.originals)).toEqual(Object.keys(copy.averages))

    const before = tf.memory().numTensors
    const run = (encode: () => tf.Tensor) => tf.dispose(tf.tidy(encode))
    run(() => copy.apply(images(), { training: true, updateStatistics: false }))
    expect([ofCopy(), ofModel()]).toEqual([initial, initial])
    run(() => copy.apply(images()))
    expect([ofCopy(), ofModel()]).toEqual([initial, initial])
    run(() => copy.apply(images(), { training: true }))
    expect(ofModel()).toEqual(initial)
    expect(ofCopy()).not.toEqual(initial)
    const moved = ofCopy()
    run(() => model.apply(images(), { training: true }) as tf.Tensor)
    expect(ofModel()).toEqual(moved)
    expect(ofCopy()).toEqual(moved)
    expect(tf.memory().numTensors).toBe(before)
    copy.dispose()
    model.dispose()
  })

  test('a compiled step applies the copy and updates its statistics as an uncompiled step', async () => {
    const { compile } = await prepareEngine({ engine })
    const model = convnet({ size: 8, widths: [4, 4] })
    const [eager, compiled] = [momentumCopy({ model }), momentumCopy({ model })]
    const step = compile((batch: tf.Tensor) => compiled.apply(batch, { training: true }))
    const still = compile((batch: tf.Tensor) =>
      compiled.apply(batch, { training: true, updateStatistics: false }),
    )
    for (const stream of [1, 2]) {
      const batch = images(stream)
      tf.dispose(still(batch))
      const [mine, other] = [step(batch), tf.tidy(() => eager.apply(batch, { training: true }))]
      close([...mine.dataSync()], [...other.dataSync()])
      tf.dispose([batch, mine, other])
    }
    for (const [name, value] of Object.entries(compiled.values))
      close([...value.dataSync()], [...eager.values[name]!.dataSync()])
    for (const made of [step, still, eager, compiled, model]) made.dispose()
  })

  test('no gradient flows into or through the copy, and nothing is kept for one', () => {
    const model = convnet({ size: 8, widths: [4, 4] })
    const copy = momentumCopy({ model })
    tf.tidy(() => {
      const batch = images()
      const heldBy = (encode: () => tf.Tensor) => {
        let held = 0
        const { grads } = tf.variableGrads(() => {
          const prediction = model.apply(batch, { training: true }) as tf.Tensor
          const before = tf.memory().numTensors
          const target = encode()
          held = tf.memory().numTensors - before
          return tf.sum(tf.squaredDifference(prediction, target)) as tf.Scalar
        })
        return { held, names: Object.keys(grads) }
      }
      const ofCopy = heldBy(() => copy.apply(batch, { training: true }))
      const trained = model.trainableWeights.map((weight) => (weight.read() as tf.Variable).name)
      expect(ofCopy.names.sort()).toEqual(trained.sort())
      expect(ofCopy.held).toBe(1)
      expect(
        heldBy(() => tf.tidy(() => model.apply(batch, { training: true }) as tf.Tensor)).held,
      ).toBeGreaterThan(5)
    })
    copy.dispose()
    model.dispose()
  })

  test('a failed call restores the networks', () => {
    const model = plain()
    const copy = momentumCopy({ model })
    const own = model.weights.map((weight) => weight.read().id)
    const before = tf.memory().numTensors
    const wrong = tf.zeros([1, 8, 8, 2])
    expect(() => copy.apply(wrong, { updateStatistics: false })).toThrow()
    wrong.dispose()
    expect(model.weights.map((weight) => weight.read().id)).toEqual(own)
    expect(tf.memory().numTensors).toBe(before)
    copy.dispose()
    model.dispose()
  })

  test('rejects a network with two outputs', () => {
    const input = tfl.input({ shape: [2] })
    const both = [1, 2].map((units) => tfl.layers.dense({ units }).apply(input) as tfl.SymbolicTensor)
    const forked = tfl.model({ inputs: input, outputs: both })
    expect(() => momentumCopy({ forked })).toThrow(
      'forked must have one input and one output; it has 1 and 2',
    )
    forked.dispose()
  })
})
