import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { methodEngines } from '../../../tooling/vitest/engines.js'
import { dropColours, projectColours } from './colours.js'

const normalisation = { mean: [0.5, 0.4, 0.3], std: [0.2, 0.25, 0.5] }
const normalised = (pixels: number[]) =>
  pixels.map((x, i) => (x - normalisation.mean[i]!) / normalisation.std[i]!)

describe.each(methodEngines())('colours on %s', (engine) => {
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

  test('projection keeps grey, and removes the green-magenta part of green and red', () => {
    tf.tidy(() => {
      const pixels = [
        [0.3, 0.3, 0.3],
        [0, 1, 0],
        [1, 0, 0],
      ]
      // I - aᵀa / 6 with a = [-1, 2, -1], by hand.
      const wanted = [
        [0.3, 0.3, 0.3],
        [2 / 6, 2 / 6, 2 / 6],
        [5 / 6, 2 / 6, -1 / 6],
      ]
      const images = tf.tensor4d(pixels.flatMap(normalised), [1, 1, 3, 3])
      const got = [...projectColours(images, normalisation).dataSync()]
      for (const [i, value] of wanted.flatMap(normalised).entries()) expect(got[i]).toBeCloseTo(value, 4)
    })
  })

  test('projecting twice equals projecting once', () => {
    tf.tidy(() => {
      const images = tf.randomNormal([2, 4, 4, 3], 0, 1, 'float32', 1) as tf.Tensor4D
      const once = projectColours(images, normalisation)
      const twice = projectColours(once, normalisation)
      expect(tf.max(tf.abs(tf.sub(once, twice))).dataSync()[0]).toBeLessThan(1e-5)
    })
  })

  test('dropping keeps one colour, each equally often, and replaces the others with faint noise', () => {
    tf.tidy(() => {
      const patches = tf.randomNormal([600, 4, 4, 3], 1, 2, 'float32', 1) as tf.Tensor4D
      const seed = tf.tensor1d([1, 2], 'int32')
      const dropped = dropColours(patches, 1, seed)
      const same = tf.equal(tf.max(tf.abs(tf.sub(patches, dropped)), [1, 2]), 0)
      expect(new Set(tf.sum(tf.cast(same, 'int32'), 1).dataSync())).toEqual(new Set([1]))
      for (const count of tf.sum(tf.cast(same, 'int32'), 0).dataSync())
        expect(Math.abs(count - 200)).toBeLessThan(45)
      const noise = tf.sub(1, tf.cast(tf.reshape(same, [600, 1, 1, 3]), 'float32'))
      const power = tf.div(tf.sum(tf.square(tf.mul(dropped, noise))), 600 * 16 * 2).dataSync()[0]!
      expect(Math.sqrt(power)).toBeGreaterThan(0.017)
      expect(Math.sqrt(power)).toBeLessThan(0.023)
      expect(dropColours(patches, 1, seed).dataSync()).toEqual(dropped.dataSync())
    })
  })

  test('the fraction of patches that lose colours is the given probability', () => {
    tf.tidy(() => {
      const patches = tf.randomNormal([400, 2, 2, 3], 0, 1, 'float32', 1) as tf.Tensor4D
      const dropped = dropColours(patches, 0.3, tf.tensor1d([1, 2], 'int32'))
      const changed = tf.greater(tf.max(tf.abs(tf.sub(patches, dropped)), [1, 2, 3]), 0)
      expect(Math.abs(tf.mean(tf.cast(changed, 'float32')).dataSync()[0]! - 0.3)).toBeLessThan(0.07)
    })
  })
})
