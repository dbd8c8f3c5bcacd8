import { convnet, featureMaps } from '@selfsup/backbones'
import type { ImageDataset } from '@selfsup/core'
import { trainableWeights } from '@selfsup/core'
import { shapes } from '@selfsup/data'
import { type Engine, prepareEngine } from '@selfsup/engine'
import {
  extractFeatures,
  type Features,
  fineTune,
  type TrainableNetwork,
  trainCaptioner,
  trainDetector,
} from '@selfsup/evaluation'
import { findTensorflow } from '@selfsup/tensorflow'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { cosineOfMovement, inFloat32, type Trained, unusedLowBits } from './briefly.js'

const SIZE = 32
const normalisation = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] }

describe.runIf(findTensorflow()?.source === 'selfsup')('evaluation in mixed precision', () => {
  let mixed: Engine
  let plain: Engine
  beforeAll(async () => {
    mixed = await prepareEngine({ engine: 'tensorflow', mixedPrecision: 'on' })
    plain = inFloat32(mixed)
  })

  const images = shapes({ size: SIZE, count: 96 })
  const all = (dataset: ImageDataset) => ({
    positions: Int32Array.from({ length: dataset.length }, (_, i) => i),
    labels: dataset.labels()!,
  })

  function network() {
    const backbone = convnet({ size: SIZE, widths: [16, 32, 48], seed: 1 })
    const maps = featureMaps(backbone)!
    const network: TrainableNetwork = {
      apply: (images, training) => backbone.apply(images, { training }) as tf.Tensor2D,
      maps: (images, training) => maps.apply(images, { training }) as [tf.Tensor4D, tf.Tensor4D],
      weights: trainableWeights({ backbone }),
      dispose: () => void backbone.dispose(),
    }
    return { backbone, network }
  }

  /** The network's weights before and after some work, and what the work gave. */
  async function watched(work: (network: TrainableNetwork) => Promise<number>): Promise<Trained> {
    const { network: trained } = network()
    const values = () =>
      new Map(
        Object.entries(trained.weights).map(([name, weight]) => [name, weight.dataSync() as Float32Array]),
      )
    const before = values()
    const loss = await work(trained)
    const after = values()
    trained.dispose()
    return { before, after, losses: [loss] }
  }

  /** Both engines give the same loss and move the same weights the same way, in mixed precision by rounded products. */
  async function expectAlike(work: (engine: Engine, network: TrainableNetwork) => Promise<number>) {
    const a = await watched((trained) => work(plain, trained))
    const b = await watched((trained) => work(mixed, trained))
    expect(b.losses).not.toEqual(a.losses)
    expect(Math.abs(b.losses[0]! / a.losses[0]! - 1)).toBeLessThan(0.005)
    expect(unusedLowBits(b)).toEqual([])
    expect(cosineOfMovement(a, b, () => true)).toBeGreaterThan(0.9)
  }

  test('fine-tuning', () =>
    expectAlike(async (engine, trained) => {
      const rows = { learn: all(images), tell: all(images) }
      const data = { train: images, test: images, ...rows, size: SIZE, normalisation }
      return (await fineTune(trained, data, { engine, steps: 40, batchSize: 16, learningRate: 3e-5 })).loss
    }))

  test('detection', () =>
    expectAlike(async (engine, trained) => {
      const options = { engine, size: SIZE, normalisation, steps: 20, batchSize: 16, learningRate: 1e-4 }
      const detector = await trainDetector(
        trained,
        { dataset: images },
        { ...options, width: 16, networkRate: 1 },
      )
      detector.dispose()
      return detector.loss
    }))

  test('captioning', async () => {
    const values = Float32Array.from({ length: 96 * 6 }, (_, i) => Math.sin(i * i))
    const labels = new Int32Array(96)
    const features: Features = {
      values,
      count: 96,
      width: 6,
      labels,
      indices: Int32Array.from(labels.keys()),
    }
    const captions = Array.from({ length: 96 }, (_, i) => [`a ${['star', 'ring'][i % 2]} at the top`])
    const trained = async (engine: Engine, { steps = 30, learningRate = 1e-3 } = {}) => {
      const { registeredVariables: variables } = tf.engine().state
      const others = new Set(Object.keys(variables))
      const options = { engine, steps, batchSize: 16, width: 32, learningRate }
      const captioner = await trainCaptioner({ features, captions }, options)
      // The optimiser's variables have been disposed; the decoder's are left.
      const own = Object.keys(variables).filter((name) => !others.has(name))
      const weights = new Map(own.map((name, i) => [`${i}`, variables[name]!.dataSync() as Float32Array]))
      captioner.dispose()
      return { loss: captioner.loss, weights }
    }
    const { weights: before } = await trained(plain, { steps: 1, learningRate: 1e-12 })
    const [exact, rounded] = [await trained(plain), await trained(mixed)]
    expect(rounded.loss).not.toBe(exact.loss)
    expect(Math.abs(rounded.loss / exact.loss - 1)).toBeLessThan(0.005)
    const [a, b] = [exact, rounded].map(({ loss, weights }) => ({ before, after: weights, losses: [loss] }))
    expect(before.size).toBeGreaterThan(10)
    expect(unusedLowBits(b!)).toEqual([])
    expect(cosineOfMovement(a!, b!, () => true)).toBeGreaterThan(0.9)
  })

  test('features', async () => {
    const { backbone } = network()
    const featuresBy = async (engine: Engine) =>
      (await extractFeatures(backbone, images, { engine, size: SIZE, normalisation })).values
    const [exact, rounded] = [await featuresBy(plain), await featuresBy(mixed)]
    backbone.dispose()
    const error = Math.hypot(...exact.map((value, i) => value - rounded[i]!)) / Math.hypot(...exact)
    expect(error).toBeGreaterThan(1e-5)
    expect(error).toBeLessThan(0.01)
    expect(new Uint32Array(rounded.buffer).some((word) => (word & 0xffff) !== 0)).toBe(true)
  })
})
