import { convnet, visionTransformer } from '@selfsup/backbones'
import { uniforms } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { methodEngines } from '../../../tooling/vitest/engines.js'
import { decoder } from './decoder.js'
import { featureMap } from './feature-map.js'
import { sideBySide, toPixels } from './pixels.js'

const random = (shape: number[], seed = 1) =>
  tf.tensor(uniforms([seed, 2], tf.util.sizeFromShape(shape)), shape)

describe.each(methodEngines())('on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })

  test.each([
    [{ inputs: 5, size: 16, width: 4 }, [16, 16, 3], 4],
    [{ inputs: 5, size: 28, width: 4, channels: 1 }, [28, 28, 1], 7],
    [{ inputs: 5, size: 9, width: 4 }, [9, 9, 3], 9],
    [{ inputs: 5, size: 12, widths: [8, 4], norm: 'layer' }, [12, 12, 3], 3],
    [{ inputs: [2, 2, 6], size: 16, width: 2 }, [16, 16, 3], 2],
    [{ inputs: [7, 7, 6], size: 28, width: 2 }, [28, 28, 3], 7],
  ] as const)('%j gives images of %j', (options, shape, start) => {
    const before = tf.memory().numTensors
    const model = decoder(options)
    const inputs = typeof options.inputs === 'number' ? [options.inputs] : [...options.inputs]
    tf.tidy(() => {
      const made = model.apply(random([2, ...inputs]), { training: true }) as tf.Tensor
      expect(made.shape).toEqual([2, ...shape])
      const values = made.dataSync()
      expect(Math.max(...values)).toBeGreaterThan(Math.min(...values))
    })
    if (typeof options.inputs === 'number')
      expect(model.getLayer('start/map').outputShape).toEqual([null, start, start, expect.any(Number)])
    model.dispose()
    expect(tf.memory().numTensors).toBe(before)
  })

  test('gradients reach every weight', () => {
    const model = decoder({ inputs: 3, size: 8, width: 2 })
    tf.tidy(() => {
      const target = random([2, 8, 8, 3])
      const weights = model.trainableWeights.map((weight) => weight.read() as tf.Variable)
      const { grads } = tf.variableGrads(() => {
        const made = model.apply(random([2, 3], 3), { training: true }) as tf.Tensor
        return tf.mean(tf.squaredDifference(made, target)) as tf.Scalar
      }, weights)
      expect(Object.keys(grads)).toHaveLength(weights.length)
      const moved = Object.values(grads).map((gradient) => tf.max(tf.abs(gradient)).dataSync()[0]!)
      expect(Math.min(...moved)).toBeGreaterThan(0)
    })
    model.dispose()
  })

  test('featureMap is the input of the backbone’s pooling, with shared weights', () => {
    const backbone = convnet({ size: 16, widths: [4, 8] })
    const before = tf.memory().numTensors
    const map = featureMap(backbone)!
    tf.tidy(() => {
      const images = random([2, 16, 16, 3]) as tf.Tensor4D
      const features = backbone.apply(images, { training: false }) as tf.Tensor
      const places = map.apply(images, { training: false }) as tf.Tensor
      expect(places.shape).toEqual([2, 8, 8, 8])
      expect(tf.max(tf.abs(tf.sub(tf.mean(places, [1, 2]), features))).dataSync()[0]).toBeLessThan(1e-6)
    })
    expect(tf.memory().numTensors).toBe(before)
    backbone.dispose()
    const vit = visionTransformer('vit', { size: 8 }, { width: 16, depth: 1, heads: 1 })
    expect(featureMap(vit)).toBeUndefined()
    vit.dispose()
  })

  test('sideBySide clips images, and gives them the same number of channels', () => {
    tf.tidy(() => {
      const grey = tf.fill([1, 2, 2, 1], 0.25) as tf.Tensor4D
      const colour = tf.tensor4d([2, -1, 0.5], [1, 1, 1, 3])
      const sheet = sideBySide(grey, tf.tile(colour, [1, 2, 1, 1]))
      expect(sheet.shape).toEqual([1, 2, 3, 3])
      expect([...sheet.dataSync()].slice(0, 9)).toEqual([0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 1, 0, 0.5])
      const normalisation = { mean: [0.5, 0.4, 0.3], std: [0.5, 0.2, 0.1] }
      const pixels = [...toPixels(tf.tensor4d([1, -1, 2], [1, 1, 1, 3]), normalisation).dataSync()]
      for (const [i, value] of [1, 0.2, 0.5].entries()) expect(pixels[i]).toBeCloseTo(value, 6)
    })
  })
})

test.each([
  [{ inputs: 0, size: 16 }, 'decoder: inputs must be a whole number of at least 1; got 0'],
  [{ inputs: 4, size: 16, channels: 0 }, 'decoder: channels must be a whole number of at least 1; got 0'],
  [
    { inputs: 4, size: 18, widths: [4, 2] },
    'decoder: the size must be divisible by 4, for 2 doublings; got 18',
  ],
  [
    { inputs: [4, 4, 8], size: 30 },
    'decoder: 3 doublings of a 4x4 map do not give an image of 30 pixels; use images whose size is a multiple of 8',
  ],
] as const)('%j is refused', (options, message) => {
  expect(() => decoder(options)).toThrow(message)
})
