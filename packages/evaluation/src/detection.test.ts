import { convnet, featureMaps } from '@selfsup/backbones'
import type { ImageDataset } from '@selfsup/core'
import { shapes } from '@selfsup/data'
import { type Engine, prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { trainDetector } from './detection.js'
import { centrenessOf, detectionLoss, focalLoss, generalisedOverlap } from './detection-loss.js'
import { detectionScores } from './detection-precision.js'
import { detectionsOf, placeTargets, seenBoxes } from './detection-targets.js'
import type { TrainableNetwork } from './protocol.js'

const grid = { side: 4, stride: 8 }

describe('detection targets', () => {
  test('assign a location to the smallest box near whose centre it is', () => {
    const boxes = [
      { label: 1, box: [0, 0, 32, 32] as const },
      { label: 2, box: [10, 2, 8, 8] as const },
    ]
    const { labels, sides } = placeTargets(boxes, grid)
    // Centres at 4, 12, 20, 28: (12, 4) is in the small box; the large box has the inner four locations.
    expect([...labels]).toEqual([-1, 2, -1, -1, -1, 1, 1, -1, -1, 1, 1, -1, -1, -1, -1, -1])
    expect([...sides.subarray(4, 8)]).toEqual([2, 2, 6, 6])
    expect([...sides.subarray(20, 24)]).toEqual([12, 12, 20, 20])
  })

  test('assign a box that contains no location to the nearest one', () => {
    const { labels } = placeTargets([{ label: 0, box: [13, 14, 4, 3] }], grid)
    expect([...labels].flatMap((label, place) => (label === 0 ? [place] : []))).toEqual([5])
  })

  test('are relative to the central square, resized', () => {
    const boxes = [
      { label: 0, box: [20, 10, 20, 20] as const },
      { label: 1, box: [0, 0, 10, 10] as const }, // outside the central 40 x 40 of 40 x 80
    ]
    expect(seenBoxes(boxes, [40, 80], 20)).toEqual([{ label: 0, box: [0, 5, 10, 10] }])
  })

  test('decode to the original boxes, one detection per box', () => {
    const boxes = [
      { label: 0, box: [1, 2, 20, 22] as const },
      { label: 1, box: [18, 17, 12, 12] as const },
    ]
    const { labels, sides } = placeTargets(boxes, grid)
    const said = Float32Array.from(
      [...labels].flatMap((label, place) => [
        label === 0 ? 0.9 : 0,
        label === 1 ? 0.8 : 0,
        ...sides.subarray(4 * place, 4 * place + 4),
      ]),
    )
    const found = detectionsOf(said, 2, grid)
    expect(found.map(({ label, box }) => ({ label, box: box.map((v) => Math.round(v)) }))).toEqual(
      boxes.map(({ label, box }) => ({ label, box: [...box] })),
    )
  })
})

/** A network with feature maps, as protocols receive it. */
function network(size: number): TrainableNetwork {
  const backbone = convnet({ size, widths: [8, 16, 24] })
  const maps = featureMaps(backbone)!
  return {
    apply: (images, training) => backbone.apply(images, { training }) as tf.Tensor2D,
    maps: (images, training) => maps.apply(images, { training }) as [tf.Tensor4D, tf.Tensor4D],
    weights: Object.fromEntries(
      backbone.trainableWeights.map((weight) => [weight.originalName, weight.read() as tf.Variable]),
    ),
    dispose: () => void backbone.dispose(),
  }
}

const normalisation = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] }

describe.each(testEngines())('detection on %s', (name) => {
  let engine: Engine
  beforeAll(async () => {
    engine = await prepareEngine({ engine: name })
  })

  test('losses equal values worked out by hand', () => {
    tf.tidy(() => {
      const focal = [...focalLoss(tf.tensor1d([0, 2, -3]), tf.tensor1d([1, 0, 0])).dataSync()]
      const by = (p: number, y: number) =>
        y ? -0.25 * (1 - p) ** 2 * Math.log(p) : -0.75 * p ** 2 * Math.log(1 - p)
      const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))
      for (const [i, value] of [by(0.5, 1), by(sigmoid(2), 0), by(sigmoid(-3), 0)].entries())
        expect(focal[i]).toBeCloseTo(value, 5)
      const a = tf.tensor2d([
        [1, 1, 1, 1],
        [1, 1, 1, 1],
      ])
      const b = tf.tensor2d([
        [1, 1, 1, 1],
        [0, 1, 3, 1],
      ])
      // The second pair: boxes of 2x2 and 3x2 share 1x2 of a hull of 4x2: 2/8 - 0.
      expect([...generalisedOverlap(a, b).dataSync()].map((v) => +v.toFixed(5))).toEqual([1, 0.25])
      expect(centrenessOf(tf.tensor1d([1, 2, 4, 2])).dataSync()[0]).toBeCloseTo(0.5, 6)
    })
  })

  test('the gradient of the loss equals finite differences', () => {
    tf.tidy(() => {
      const labels = tf.tensor2d([[0, -1, 1]], [1, 3], 'int32')
      const sides = tf.tensor3d([
        [
          [2, 3, 4, 5],
          [1, 1, 1, 1],
          [6, 5, 4, 3],
        ],
      ])
      const start = [
        0.3, -0.2, 0.1, 0.5, -0.4, 0.2, 3.3, 2.6, 3.5, 4.4, 2, 2, 2, 2, 4.3, 4.4, 5.2, 5.1, 0.1, 0.2, -0.3,
      ]
      const loss = (x: tf.Tensor) =>
        detectionLoss(
          {
            logits: tf.reshape(tf.slice(x, [0], [6]), [1, 3, 2]),
            sides: tf.reshape(tf.slice(x, [6], [12]), [1, 3, 4]),
            centreness: tf.reshape(tf.slice(x, [18], [3]), [1, 3]),
          },
          { labels, sides },
        )
      const gradient = tf.grad(loss)(tf.tensor1d(start)).dataSync()
      for (let i = 0; i < start.length; i++) {
        const at = (delta: number) =>
          loss(tf.tensor1d(start.map((v, j) => (j === i ? v + delta : v)))).dataSync()[0]!
        expect(gradient[i]).toBeCloseTo((at(1e-2) - at(-1e-2)) / 2e-2, 2)
      }
    })
  })

  // One engine is enough: the operations are tested on each engine above.
  test.runIf(name === testEngines()[0])(
    'learns to detect shapes, leaves a frozen network unchanged and leaks no tensors',
    async () => {
      const dataset = shapes({ size: 16, count: 32, objects: 1 })
      const own = network(16)
      const first = Object.values(own.weights)[0]!
      const weights = [...first.dataSync()]
      const before = tf.memory().numTensors
      const options = { engine, size: 16, normalisation, batchSize: 8, width: 16, learningRate: 5e-3 }
      const untrained = await trainDetector(own, { dataset }, { ...options, steps: 2 })
      const detector = await trainDetector(own, { dataset }, { ...options, steps: 30 })
      expect(detector.loss).toBeLessThan(0.8 * untrained.loss)
      const images = await detector.detect({ dataset, positions: [3, 5, 7] })
      expect(images.map(({ truth }) => truth)).toEqual(
        [3, 5, 7].map((i) =>
          dataset.annotations(i).boxes.map(({ label, box }) => ({ label, box: [...box] })),
        ),
      )
      expect(detectionScores(images).recall).toBeGreaterThanOrEqual(0)
      untrained.dispose()
      detector.dispose()
      expect(tf.memory().numTensors).toBe(before)
      expect([...first.dataSync()]).toEqual(weights)
      const fineTuned = await trainDetector(own, { dataset }, { ...options, steps: 2, networkRate: 1 })
      expect([...first.dataSync()]).not.toEqual(weights)
      fineTuned.dispose()
      own.dispose()
    },
  )

  test('throws for unsuitable networks, images and options', async () => {
    const own = network(16)
    const dataset = shapes({ size: 16, count: 4 })
    const options = { engine, size: 16, normalisation }
    const { maps: _, ...flat } = own
    await expect(trainDetector(flat, { dataset }, options)).rejects.toThrow('use a convolutional network')
    await expect(trainDetector(own, { dataset }, { ...options, steps: 0 })).rejects.toThrow(
      'steps must be at least 1',
    )
    await expect(trainDetector(own, { dataset }, { ...options, classes: 1 })).rejects.toThrow(
      'must have boxes of classes 0 to 0',
    )
    const bare: ImageDataset = { ...dataset, annotations: () => undefined }
    await expect(trainDetector(own, { dataset: bare }, options)).rejects.toThrow(
      'image 0 has no annotated boxes',
    )
    own.dispose()
  })
})
