import { convnet } from '@selfsup/backbones'
import { encoderOf, uniforms } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { stepOf } from '../../../tooling/vitest/batches.js'
import { methodEngines, testEngines } from '../../../tooling/vitest/engines.js'
import { cpcSeries, seriesDefinition } from './cpc-series.js'
import { seriesBackbone } from './series-backbone.js'

const small = { time: 12, channels: 3, filters: [8], units: 6 } as const

/** Sine waves of different frequency and phase. */
function waves(count: number) {
  const values = uniforms([3, 4], 2 * count)
  const series = Float32Array.from({ length: count * 36 }, (_, i) => {
    const [example, time, channel] = [Math.floor(i / 36), Math.floor(i / 3) % 12, i % 3]
    return Math.sin((0.5 + values[2 * example]!) * time + 6 * values[2 * example + 1]! + channel)
  })
  return {
    values: tf.tensor(series, [count, 12, 3]),
    labels: tf.fill([count], -1, 'int32') as tf.Tensor1D,
    indices: tf.range(0, count, 1, 'int32'),
  }
}

/** Maximum difference of two tensors [1, time, features] at each step. */
function differences(a: tf.Tensor, b: tf.Tensor): number[] {
  return [...tf.max(tf.abs(tf.sub(a, b)), [0, 2]).dataSync()]
}

describe.each(methodEngines())('series on %s', (engine) => {
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

  test('a saved backbone loads as a plain TensorFlow.js model with the standard GRU and gives the same features', async () => {
    const backbone = seriesBackbone({ ...small, filters: [5, 8], strides: [1, 2], seed: 3 })
    let artifacts: tf.io.ModelArtifacts | undefined
    await backbone.save(
      tf.io.withSaveHandler(async (saved) => {
        artifacts = saved
        return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(saved) }
      }),
    )
    const loaded = await tfl.loadLayersModel(
      tf.io.fromMemory({
        modelTopology: JSON.parse(JSON.stringify(artifacts!.modelTopology)),
        weightSpecs: artifacts!.weightSpecs!,
        weightData: artifacts!.weightData!,
      }),
    )
    expect(loaded.getLayer('contexts')).toBeInstanceOf(Object)
    expect(loaded.getLayer('contexts').constructor).not.toBe(backbone.getLayer('contexts').constructor)
    tf.tidy(() => {
      const { values } = waves(4)
      const [ours, plain] = [backbone, loaded].map((model) => model.apply(values) as tf.Tensor)
      expect(ours!.shape).toEqual([4, 6])
      expect(tf.max(tf.abs(tf.sub(ours!, plain!))).dataSync()[0]).toBeLessThan(1e-5)
      expect(tf.max(tf.abs(ours!)).dataSync()[0]).toBeGreaterThan(0.1)
    })
    backbone.dispose()
    loaded.dispose()
  })

  test('encodings and contexts do not depend on later steps', () => {
    const backbone = seriesBackbone({ ...small, filters: [5, 8], strides: [1, 2], kernels: [3, 4] })
    const sequences = tfl.model({
      inputs: backbone.inputs,
      outputs: ['encodings', 'contexts'].map((name) => backbone.getLayer(name).output as tfl.SymbolicTensor),
    })
    tf.tidy(() => {
      const series = tf.randomNormal([1, 12, 3], 0, 1, 'float32', 1)
      const later = tf.reshape(tf.cast(tf.greaterEqual(tf.range(0, 12), 6), 'float32'), [1, 12, 1])
      const [z, c] = sequences.apply(series) as tf.Tensor[]
      const [otherZ, otherC] = sequences.apply(tf.add(series, later)) as tf.Tensor[]
      expect(z!.shape).toEqual([1, 6, 8])
      // An encoding covers two steps, so the first three cover steps 0 to 5.
      for (const changed of [differences(z!, otherZ!), differences(c!, otherC!)])
        expect(changed.map((difference) => difference > 0)).toEqual([false, false, false, true, true, true])
    })
    backbone.dispose()
  })

  test('reports an accuracy for each step ahead; features are the last state', () => {
    const backbone = seriesBackbone(small)
    const method = cpcSeries(backbone, { steps: 3, contrasted: 8 })
    tf.tidy(() => {
      const batch = waves(16)
      const { metrics, features } = method.loss(method.views(batch, stepOf()), stepOf(), undefined)
      expect(Object.keys(metrics!)).toEqual(['accuracy1', 'accuracy2', 'accuracy3'])
      const last = encoderOf(method)(batch.values as tf.Tensor4D)
      expect(last.shape).toEqual([16, 6])
      expect(tf.max(tf.abs(tf.sub(last, features as tf.Tensor))).dataSync()[0]).toBeLessThan(1e-5)
    })
    method.dispose()
    backbone.dispose()
  })

  test('reads the rows of images as series, in training and in encoding', () => {
    const imageShape = { size: 12, channels: 3 }
    const options = { filters: 8, units: 6, steps: 2, ignored: 0, scale: 1, contrasted: 16 }
    const backbone = seriesDefinition.ownBackbone!(imageShape, options, 1)
    const normalisation = { mean: [0.5, 0.4, 0.3], std: [0.2, 0.3, 0.4] }
    const method = seriesDefinition.create(backbone, options, { imageShape, normalisation })
    expect(method.crops).toHaveLength(1)
    tf.tidy(() => {
      const images = tf.tensor4d(
        Int32Array.from(uniforms([1, 2], 2 * 12 * 12 * 3), (u) => Math.floor(u * 256)),
        [2, 12, 12, 3],
        'int32',
      )
      const { labels, indices } = waves(2)
      const normalised = tf.div(
        tf.sub(tf.div(images, 255), normalisation.mean),
        normalisation.std,
      ) as tf.Tensor4D
      const rows = tf.reshape(normalised, [2, 12, 36])
      for (const batch of [{ images }, { crops: [images] }, { values: rows }]) {
        const views = method.views({ ...batch, labels, indices }, stepOf()) as tf.Tensor
        expect(tf.max(tf.abs(tf.sub(views, rows))).dataSync()[0]).toBeLessThan(1e-4)
      }
      const features = encoderOf(method)(normalised)
      const ofRows = backbone.apply(rows) as tf.Tensor
      expect(tf.max(tf.abs(tf.sub(features, ofRows))).dataSync()[0]).toBe(0)
    })
    method.dispose()
    backbone.dispose()
  })

  test('the recurrence has the gradients of the standard GRU', () => {
    const backbone = seriesBackbone(small)
    const gru = tfl.layers.gru({
      units: 6,
      recurrentActivation: 'sigmoid',
      recurrentInitializer: 'zeros',
      returnSequences: true,
    })
    const own = backbone.getLayer('contexts')
    tf.tidy(() => {
      const x = tf.randomNormal([2, 5, 8], 0, 1, 'float32', 1)
      gru.apply(x)
      gru.setWeights(own.getWeights().map((weight) => tf.randomNormal(weight.shape, 0, 0.5, 'float32', 2)))
      const before = own.getWeights()
      own.setWeights(gru.getWeights())
      const [ours, theirs] = [own, gru].map((layer) =>
        tf.valueAndGrad((x: tf.Tensor) => tf.sum(tf.square(layer.apply(x) as tf.Tensor)))(x),
      )
      expect(ours!.value.dataSync()[0]).toBeCloseTo(theirs!.value.dataSync()[0]!, 4)
      expect(tf.max(tf.abs(tf.sub(ours!.grad, theirs!.grad))).dataSync()[0]).toBeLessThan(1e-5)
      own.setWeights(before)
    })
    gru.dispose()
    backbone.dispose()
  })
})

describe('rejects invalid sizes before training', () => {
  beforeAll(async () => {
    await prepareEngine({ engine: testEngines()[0] })
  })

  test('series that are too short for the steps ahead', () => {
    const backbone = seriesBackbone({ ...small, strides: [3] })
    expect(() => cpcSeries(backbone, { steps: 4 })).toThrow(
      'cpc-series: 4 encodings of a series are too few to predict 4 steps ahead; set steps to at most 3',
    )
    backbone.dispose()
    expect(() => seriesBackbone({ ...small, time: 4, strides: [5] })).toThrow('use smaller strides')
  })

  test('backbones with other layers, invalid layer options', () => {
    const backbone = convnet({ size: 8, widths: [4] })
    expect(() => cpcSeries(backbone)).toThrow(
      'must have layers named encodings and contexts; create it with seriesBackbone',
    )
    backbone.dispose()
    expect(() => seriesBackbone({ ...small, filters: [8, 8], kernels: [3] })).toThrow('got 2, 1 and 2')
    expect(() => seriesBackbone({ ...small, strides: [2], kernels: [1] })).toThrow(
      'set the kernel to at least 2',
    )
  })

  test('batches that are not series of the expected shape', () => {
    const backbone = seriesBackbone(small)
    const method = cpcSeries(backbone, { steps: 2 })
    tf.tidy(() => {
      const { values, ...batch } = waves(2)
      expect(() => method.views(batch, stepOf())).toThrow('batches must contain series')
      expect(() =>
        method.views({ ...batch, values: tf.reverse(tf.slice(values, [0, 1, 0]), 1) }, stepOf()),
      ).toThrow('a batch must have shape [batch, 12, 3]; got [2,11,3]')
    })
    method.dispose()
    backbone.dispose()
  })
})
