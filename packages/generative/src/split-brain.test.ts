import { convnet } from '@selfsup/backbones'
import { encoderOf, type Method } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { methodEngines, testEngines } from '../../../tooling/vitest/engines.js'
import { learn, smoothImages, stepOf } from './fixtures/tiny.js'
import { definition, splitBrain } from './split-brain.js'

const widths = [4, 8]
const makeBackbone = (options: Parameters<typeof convnet>[0]) => convnet({ ...options, widths })
const half = () => makeBackbone({ size: 16, channels: 1 })
const value = (x: tf.Tensor) => x.dataSync()[0]!
const largest = (x: tf.Tensor) => value(tf.max(tf.abs(x)))

describe.each(methodEngines())('on %s', (engine) => {
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

  test('channels are those of Lab: white, black, red', () => {
    const backbone = half()
    const method = splitBrain(backbone, { flip: 0 }, { makeBackbone })
    tf.tidy(() => {
      const colours = tf.tensor4d([255, 255, 255, 0, 0, 0, 255, 0, 0], [3, 1, 1, 3], 'int32')
      const images = tf.tile(colours, [1, 16, 16, 1])
      const { lightness, colour } = method.views({ ...smoothImages(3), images }, stepOf())
      expect([lightness.shape, colour.shape]).toEqual([
        [3, 16, 16, 1],
        [3, 16, 16, 2],
      ])
      const at = (x: tf.Tensor4D) => tf.slice(x, [0, 3, 3, 0], [3, 1, 1, x.shape[3]]).dataSync()
      for (const [i, l] of [100, 0, 53.24].entries()) expect(at(lightness)[i]).toBeCloseTo(l / 50 - 1, 2)
      for (const [i, ab] of [0, 0, 0, 0, 80.09, 67.2].entries())
        expect(at(colour)[i]).toBeCloseTo(ab / 110, 2)
      const { lightness: l, colour: ab } = method.truth({ lightness, colour })
      expect([l.shape, ab.shape]).toEqual([
        [3, 4, 4, 1],
        [3, 4, 4, 2],
      ])
      expect(l.dataSync()[32]).toBeCloseTo(53.24, 1)
      expect(ab.dataSync()[64]).toBeCloseTo(80.09, 1)
    })
    method.dispose()
    backbone.dispose()
  })

  test('each half sees only its own channels, and features are both halves’', () => {
    const backbone = half()
    const method = splitBrain(backbone, {}, { makeBackbone })
    tf.tidy(() => {
      const views = method.views(smoothImages(4), stepOf())
      const other = { ...views, colour: tf.neg(views.colour) }
      const [made, changed] = [method.predict(views), method.predict(other)]
      expect(largest(tf.sub(made.colour, changed.colour))).toBe(0)
      expect(largest(tf.sub(made.lightness, changed.lightness))).toBeGreaterThan(0)
      expect(largest(tf.sub(method.predict(views, 1).colour, made.colour))).toBeGreaterThan(0)
      const x = tf.cast(smoothImages(4).images, 'float32')
      const features = encoderOf(method)(tf.sub(tf.div(x, 128), 1) as tf.Tensor4D)
      expect(features.shape).toEqual([4, 16])
      expect(method.samples!(views, stepOf()).colours!.shape).toEqual([4, 4, 12, 3])
      expect(method.samples!(views, stepOf()).lightness!.shape).toEqual([4, 4, 12, 3])
    })
    method.dispose()
    backbone.dispose()
  })

  test('the classification loss is -log of the probability of the right bin', () => {
    const backbone = half()
    const method = splitBrain(backbone, { lightnessBin: 50, width: 2 }, { makeBackbone })
    tf.tidy(() => {
      // With weights of 0 all bins have equal probability.
      for (const name of ['toColour', 'toLightness']) {
        const weights = method.networks[name]!.getWeights()
        method.networks[name]!.setWeights(weights.map((weight) => tf.zerosLike(weight)))
      }
      const { metrics } = method.loss(method.views(smoothImages(4), stepOf()), stepOf(), undefined)
      expect(value(metrics!.toLightness!)).toBeCloseTo(Math.log(2), 5)
      const bins = method.networks.toColour!.outputs[0]!.shape[3]!
      expect(value(metrics!.toColour!)).toBeCloseTo(Math.log(bins), 4)
    })
    method.dispose()
    backbone.dispose()
  })

  test.each([
    ['classification', 0.3],
    ['regression', 0.03],
  ] as const)('%s: a few steps lower the loss', (loss, rate) => {
    const backbone = half()
    const method = splitBrain(backbone, { loss, width: 8, colourBin: 20 }, { makeBackbone })
    const losses = tf.tidy(() => learn(method as unknown as Method, 5, rate))
    expect(losses.at(-1)).toBeLessThan(losses[0]! * 0.99)
    method.dispose()
    backbone.dispose()
  })
})

test('rejects grayscale images, and halves that do not fit', async () => {
  await prepareEngine({ engine: testEngines()[0] })
  const [one, three] = [half(), makeBackbone({ size: 16, channels: 3 })]
  const grey = { makeBackbone, imageShape: { size: 16, channels: 1 } }
  expect(() => splitBrain(one, {}, grey)).toThrow('these are grayscale (one channel)')
  const ask = () => definition.backboneInput!({ size: 28, channels: 1 }, definition.options as never)
  expect(ask).toThrow('these are grayscale (one channel)')
  expect(() => splitBrain(three, {}, { makeBackbone })).toThrow('must take 1 channel; it takes 3')
  expect(() => splitBrain(one)).toThrow('pass a function that creates it, such as { makeBackbone: convnet }')
  expect(() => splitBrain(one, { reduction: 3 }, { makeBackbone })).toThrow(
    "split-brain's option reduction must divide the images' side, 16; got 3",
  )
  const grown = () => makeBackbone({ size: 16, channels: 3 })
  expect(() => splitBrain(one, {}, { makeBackbone: grown })).toThrow(
    'makeBackbone created one for 16 pixels and 3',
  )
  expect(() => splitBrain(one, { colourBin: 0 }, { makeBackbone })).toThrow('from 2 to 100; got 0')
  one.dispose()
  three.dispose()
})
