import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { colorJitter } from './color-jitter.js'
import fixture from './fixtures/operations.json' with { type: 'json' }
import { gaussianBlur } from './gaussian-blur.js'
import { grayscale, grayscaleWhere } from './grayscale.js'
import { shiftHue } from './hue.js'
import { imagenetNormalisation, normalise } from './normalise.js'
import { resizedCrop } from './resized-crop.js'
import { rotateQuarters } from './right-angles.js'
import { solariseWhere } from './solarise.js'

function close(actual: tf.Tensor, expected: readonly number[]): void {
  const values = actual.dataSync<'float32'>()
  expect(values).toHaveLength(expected.length)
  const worst = values.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0)
  expect(worst).toBeLessThan(2e-5)
}

const both = (value: number) => tf.tensor1d([value, value])

describe.each(testEngines())('operations equal torchvision’s on %s', (engine) => {
  let images: tf.Tensor4D
  let tensors: number
  beforeAll(async () => {
    await prepareEngine({ engine })
  })
  beforeEach(() => {
    tensors = tf.memory().numTensors
    images = tf.tensor4d(fixture.images, fixture.shape as [number, number, number, number])
  })
  afterEach(() => {
    images.dispose()
    expect(tf.memory().numTensors).toBe(tensors)
  })

  test.each(fixture.crops)('resized crop of $box to $size', ({ box, size, result }) => {
    tf.tidy(() => {
      const [top, left, height, width] = box.map(both) as [tf.Tensor1D, tf.Tensor1D, tf.Tensor1D, tf.Tensor1D]
      const boxes = { top, left, height, width }
      close(resizedCrop(images, boxes, size), result)
      const mirrored = resizedCrop(images, boxes, size, {
        horizontal: both(1),
        vertical: tf.tensor1d([0, 1]),
      })
      const expected = tf.reverse(tf.tensor4d(result, [2, size, size, 3]), 2)
      const [first, second] = tf.split(expected, 2)
      close(mirrored, [...tf.concat([first!, tf.reverse(second!, 1)]).dataSync()])
    })
  })

  test('two boxes per image give two crops', () => {
    const [first, second] = fixture.crops
    tf.tidy(() => {
      const side = (i: number) =>
        tf.tensor1d([first!.box[i]!, first!.box[i]!, second!.box[i]!, second!.box[i]!])
      const boxes = { top: side(0), left: side(1), height: side(2), width: side(3) }
      close(resizedCrop(images, boxes, 8), [...first!.result, ...second!.result])
    })
  })

  test.each(fixture.jitters)('colour jitter in the order $order', ({ order, result }) => {
    tf.tidy(() => {
      const places = [0, 1, 2, 3].map((op) => order.indexOf(op))
      const jittered = colorJitter(images, {
        brightness: both(1.3),
        contrast: both(0.6),
        saturation: both(1.7),
        hue: both(-0.15),
        places: tf.tensor2d([places, places], [2, 4], 'int32'),
      })
      close(jittered, result)
    })
  })

  test('each image has its own order', () => {
    const [a, b] = [fixture.jitters[0]!, fixture.jitters[1]!]
    tf.tidy(() => {
      const places = [a, b].map(({ order }) => [0, 1, 2, 3].map((op) => order.indexOf(op)))
      const jittered = colorJitter(images, {
        brightness: both(1.3),
        contrast: both(0.6),
        saturation: both(1.7),
        hue: both(-0.15),
        places: tf.tensor2d(places, [2, 4], 'int32'),
      })
      const half = a.result.length / 2
      close(jittered, [...a.result.slice(0, half), ...b.result.slice(half)])
    })
  })

  test.each(fixture.hues)('hue by $turns turns', ({ turns, result }) => {
    tf.tidy(() => close(shiftHue(images, both(turns)), result))
  })

  test.each(fixture.blurs)('blur of $sigma pixels with $kernel taps', ({ sigma, kernel, result }) => {
    tf.tidy(() => {
      close(gaussianBlur(images, both(sigma), kernel), result)
      const half = result.length / 2
      const mixed = gaussianBlur(images, tf.tensor1d([0, sigma]), kernel)
      close(mixed, [...fixture.images.slice(0, half), ...result.slice(half)])
    })
  })

  test('a blur of large images creates no large constants on the host, so a step can be captured', async () => {
    const { compile } = await prepareEngine({ engine })
    const blur = (x: tf.Tensor4D, sigma: tf.Tensor1D) => gaussianBlur(x, sigma, 23)
    const step = compile(blur)
    const [large, sigma] = [tf.image.resizeBilinear(images, [224, 224]), tf.tensor1d([0.5, 2])]
    const [captured, plain] = [step(large, sigma), blur(large, sigma)]
    tf.tidy(() => {
      expect(tf.max(tf.abs(tf.sub(captured, plain))).dataSync()[0]).toBeLessThan(1e-5)
    })
    step.dispose()
    tf.dispose([large, sigma, captured, plain])
  })

  test('grayscale, solarise, normalise', () => {
    tf.tidy(() => {
      close(grayscale(images), fixture.grayscale)
      close(solariseWhere(images, both(1)), fixture.solarise)
      close(solariseWhere(images, both(0)), fixture.images)
      close(normalise(images, imagenetNormalisation), fixture.normalise)
      const grey = grayscaleWhere(images, tf.tensor1d([1, 0]))
      const half = fixture.images.length / 2
      close(grey, [
        ...fixture.grayscale.slice(0, half / 3).flatMap((v) => [v, v, v]),
        ...fixture.images.slice(half),
      ])
    })
  })

  test('quarter turns', () => {
    tf.tidy(() => {
      const square = tf.slice(images, [0, 0, 0, 0], [2, 10, 10, 3])
      for (const [quarters, result] of fixture.quarters.entries()) {
        close(rotateQuarters(square, tf.tensor1d([quarters, quarters], 'int32')), result)
      }
    })
  })
})
