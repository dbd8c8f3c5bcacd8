import type { BatchOptions, HostBatch, ImageDataset } from '@selfsup/core'
import { trainableWeights } from '@selfsup/core'
import { type Engine, prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'
import { beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { extractFeatures } from './features.js'
import { fineTune, type LabelledImages } from './fine-tune.js'
import type { InitialWeights, ProtocolContext, Subject, TrainableNetwork } from './protocol.js'
import { protocols } from './protocols/index.js'

const SIDE = 16
const normalisation = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] }

/** Images of three classes: red, green or blue plus noise. */
function colours(count: number, offset: number): ImageDataset {
  const bytes = SIDE * SIDE * 3
  const pixel = (index: number, at: number) =>
    (at % 3 === index % 3 ? 110 : 40) + (((index + offset) * 7919 + at * 104_729) % 97)
  return {
    name: 'colours',
    length: count,
    channels: 3,
    imageSize: [SIDE, SIDE],
    classes: ['red', 'green', 'blue'],
    fingerprint: `colours-${count}-${offset}`,
    labels: () => Int32Array.from({ length: count }, (_, i) => i % 3),
    async *batches({ batchSize, order }: BatchOptions): AsyncIterable<HostBatch> {
      const positions = order ?? Uint32Array.from({ length: count }, (_, i) => i)
      for (let start = 0; start < positions.length; start += batchSize) {
        const indices = Int32Array.from(positions.subarray(start, start + batchSize))
        const data = Uint8Array.from({ length: indices.length * bytes }, (_, at) =>
          pixel(indices[Math.floor(at / bytes)]!, at % bytes),
        )
        const shape = [indices.length, SIDE, SIDE, 3] as const
        yield { images: { data, shape }, labels: indices.map((i) => i % 3), indices }
      }
    },
    skipped: () => [],
    close: async () => {},
  }
}

function tiny(): TrainableNetwork {
  const init = (seed: number) => tfl.initializers.glorotUniform({ seed })
  const model = tfl.sequential({
    layers: [
      tfl.layers.conv2d({
        inputShape: [SIDE, SIDE, 3],
        filters: 6,
        kernelSize: 4,
        strides: 4,
        activation: 'relu',
        name: 'stage1/conv',
        kernelInitializer: init(1),
      }),
      tfl.layers.globalAveragePooling2d({ name: 'mean' }),
      tfl.layers.dense({ units: 8, name: 'stage2/dense', kernelInitializer: init(2) }),
    ],
  })
  return {
    apply: (images, training) => model.apply(images, { training }) as tf.Tensor2D,
    weights: trainableWeights({ backbone: model }),
    dispose: () => model.dispose(),
  }
}

describe.each(testEngines())('fine-tuning on %s', (name) => {
  let engine: Engine
  beforeAll(async () => {
    engine = await prepareEngine({ engine: name })
  })

  const [train, tell] = [colours(60, 0), colours(30, 1000)]
  const all = (dataset: ImageDataset) => ({
    positions: Int32Array.from({ length: dataset.length }, (_, i) => i),
    labels: dataset.labels()!,
  })
  const images: LabelledImages = {
    train,
    test: tell,
    size: SIDE,
    normalisation,
    learn: all(train),
    tell: all(tell),
  }

  test('learns the classes, returns a learning curve and leaks no tensors', async () => {
    const before = tf.memory().numTensors
    const network = tiny()
    const made = tf.memory().numTensors
    const result = await fineTune(network, images, {
      engine,
      steps: 24,
      batchSize: 16,
      learningRate: 0.02,
      layerDecay: 0.5,
      curve: [0, 10, 24],
    })
    expect(result.accuracy).toBeGreaterThan(0.9)
    expect(result.loss).toBeLessThan(0.7)
    expect(result.curve.map(({ step }) => step)).toEqual([0, 10, 24])
    expect(result.curve[0]!.seconds).toBe(0)
    expect(result.curve[0]!.accuracy).toBeCloseTo(1 / 3, 5) // the classifier starts at zero
    expect(result.curve[2]!.accuracy).toBe(result.accuracy)
    expect(tf.memory().numTensors).toBe(made)
    network.dispose()
    expect(tf.memory().numTensors).toBe(before)
  })

  test('layer decay close to 0 changes the last block but not the first', async () => {
    const network = tiny()
    const kernel = (part: string) => Object.entries(network.weights).find(([key]) => key.includes(part))![1]
    const [first, last] = [await kernel('stage1').data(), await kernel('stage2').data()].map((x) => [...x])
    await fineTune(network, images, { engine, steps: 3, batchSize: 8, layerDecay: 1e-6, weightDecay: 0 })
    const moved = async (part: string, was: number[]) =>
      Math.max(...[...(await kernel(part).data())].map((value, i) => Math.abs(value - was[i]!)))
    expect(await moved('stage1', first!)).toBeLessThan(1e-6)
    expect(await moved('stage2', last!)).toBeGreaterThan(1e-4)
    network.dispose()
  })

  test('headRate is the classifier’s learning rate: with 0 it predicts the first class for all images', async () => {
    const network = tiny()
    const still = await fineTune(network, images, { engine, steps: 5, batchSize: 16, headRate: 0 })
    expect(still.accuracy).toBeCloseTo(1 / 3, 5)
    expect(still.loss).toBeCloseTo(Math.log(3), 5)
    network.dispose()
  })

  test('timers and signals can fire during the training and abort it', async () => {
    const network = tiny()
    const stop = new AbortController()
    let [steps, atStop] = [0, 0]
    const timer = setTimeout(() => {
      atStop = steps
      stop.abort()
    }, 20)
    const run = fineTune(network, images, {
      engine,
      steps: 2000,
      batchSize: 8,
      signal: stop.signal,
      onStep: (step) => {
        steps = step
      },
    })
    await expect(run).rejects.toThrow('aborted')
    clearTimeout(timer)
    expect(steps).toBeLessThan(2000)
    expect(steps - atStop).toBeLessThanOrEqual(1)
    network.dispose()
  })

  test('throws if there is only one class, or no step', async () => {
    const network = tiny()
    const learn = { ...images.learn, labels: images.learn.labels.map((label) => (label === 0 ? 0 : -1)) }
    await expect(fineTune(network, { ...images, learn }, { engine, steps: 1 })).rejects.toThrow(
      'fewer than two classes',
    )
    await expect(fineTune(network, images, { engine, steps: 0 })).rejects.toThrow('steps must be at least 1')
    network.dispose()
  })

  test('every protocol returns values for a subject that has all data', async () => {
    if (name !== testEngines()[0]) return // the parts of the protocols are tested on each engine
    const before = tf.memory().numTensors
    const network = tiny()
    const featuresOf = (dataset: ImageDataset) =>
      extractFeatures((images) => network.apply(images, false), dataset, {
        normalisation,
        size: SIDE,
        engine,
      })
    const starts: InitialWeights[] = [{ name: 'random', make: async () => tiny() }]
    const [learned, asked] = [await featuresOf(train), await featuresOf(tell)]
    const subject: Subject = {
      name: 'tiny',
      train: learned,
      test: asked,
      values: {
        x: {
          train: Float64Array.from(learned.labels, (label) => label),
          test: Float64Array.from(asked.labels, (label) => label),
        },
      },
      clusterings: { 'its own head': asked.labels },
      // Training is tested on each engine above; this test is about the protocols.
      ...(name === testEngines()[0] && {
        images: { train, test: tell, size: SIDE, normalisation, starts },
      }),
      baselines: [{ name: 'the same again', train: learned, test: asked }],
    }
    const context: ProtocolContext = { engine, seed: 1, quick: true, seeds: 2, maxSteps: 3 }
    // Detection and captioning need annotated images, and have tests of their own.
    const own = protocols.filter(({ name }) => !['detection', 'captioning'].includes(name))
    for (const protocol of own) {
      expect(protocol.missing(subject)).toBeUndefined()
      const findings = await protocol.find(subject, context)
      expect(findings.values.length, protocol.name).toBeGreaterThan(0)
      for (const { value, interval, unit } of findings.values) {
        expect(Number.isFinite(value)).toBe(true)
        if (unit === 'part') expect(value >= 0 && value <= 1).toBe(true)
        if (interval) expect(interval[0] <= value && interval[1] >= value).toBe(true)
      }
      expect(JSON.parse(JSON.stringify(findings))).toEqual(findings)
      if (protocol.name === 'clustering')
        expect(findings.values[0]).toMatchObject({ value: 1, features: 'its own head' })
      if (protocol.name === 'linear-probe')
        expect(findings.confusion!.counts.flat().reduce((a, b) => a + b)).toBe(tell.length)
    }
    network.dispose()
    expect(tf.memory().numTensors).toBe(before)

    const bare: Subject = {
      name: 'features',
      train: learned,
      test: { ...asked, labels: asked.labels.map(() => -1) },
    }
    for (const protocol of protocols) expect(protocol.missing(bare), protocol.name).toBeTruthy()
  })
})
