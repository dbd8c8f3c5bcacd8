import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { methodEngines } from '../../../tooling/vitest/engines.js'
import { colourViews, grayViews } from './iic-views.js'
import { sobel } from './sobel.js'

const plainPixels = { mean: [0], std: [1] }
const settings = { size: 24, copies: 3, crop: 20 / 28, rotation: 0, jitter: 0, normalisation: plainPixels }
const seed = (word = 1) => tf.tensor1d([word, 2], 'int32')

/** Brightness rising by 5 from column to column. */
const ramp = (batch: number, side = 28) =>
  tf.cast(
    tf.tile(tf.reshape(tf.mul(tf.range(0, side), 5), [1, 1, side, 1]), [batch, side, 1, 1]),
    'int32',
  ) as tf.Tensor4D

/** Rise of brightness from column 10 to 11 of each image, in units of 5/255: 1 if a column is a pixel of the original. */
function slopes(views: tf.Tensor4D): number[] {
  return tf.tidy(() => {
    const row = tf.slice(views, [0, 12, 10, 0], [-1, 1, 2, 1])
    const [left, right] = tf.split(row, 2, 2)
    return [...tf.mul(tf.sub(right!, left!), 255 / 5).dataSync()]
  })
}

describe.each(methodEngines())('views on %s', (engine) => {
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

  test('of MNIST crop 20 pixels, copies 16, 20 or 24, resized to 24', () => {
    tf.tidy(() => {
      const [plain, copies] = grayViews(settings).apply({ images: ramp(8) }, seed())
      expect([plain.shape, copies.shape]).toEqual([
        [8, 24, 24, 1],
        [24, 24, 24, 1],
      ])
      for (const slope of slopes(plain)) expect(slope).toBeCloseTo(20 / 24, 3)
      const sides = new Set(slopes(copies).map((slope) => Math.round(24 * slope)))
      expect([...sides].sort()).toEqual([16, 20, 24])
    })
  })

  test('take about half of the plain crops from the centre', () => {
    tf.tidy(() => {
      const [plain] = grayViews(settings).apply({ images: ramp(200) }, seed())
      const left = tf.slice(plain, [0, 0, 0, 0], [-1, 1, 1, 1]).dataSync()
      const places = [...left].map((value) => Math.floor((value * 255) / 5 + 0.1))
      expect(Math.min(...places)).toBe(0)
      expect(Math.max(...places)).toBe(8)
      const middle = places.filter((place) => place === 4).length
      expect(middle).toBeGreaterThan(85)
      expect(middle).toBeLessThan(140)
    })
  })

  test('rotate about half of the copies, jitter all, and depend only on the seed', () => {
    tf.tidy(() => {
      const turning = grayViews({ ...settings, rotation: 25 })
      const upright = (views: tf.Tensor4D) =>
        // Each column of an upright ramp has a single brightness.
        [
          ...tf
            .max(
              tf.abs(
                tf.sub(
                  tf.slice(views, [0, 8, 12, 0], [-1, 1, 1, 1]),
                  tf.slice(views, [0, 15, 12, 0], [-1, 1, 1, 1]),
                ),
              ),
              [1, 2, 3],
            )
            .dataSync(),
        ]
      const [plain, copies] = turning.apply({ images: ramp(20) }, seed())
      for (const difference of upright(plain)) expect(difference).toBeLessThan(1e-4)
      const turned = upright(copies).filter((difference) => difference > 1e-3).length
      expect(turned).toBeGreaterThan(15)
      expect(turned).toBeLessThan(45)

      const jittering = grayViews({ ...settings, jitter: 0.4 })
      const grey = tf.fill([20, 28, 28, 1], 100, 'int32') as tf.Tensor4D
      const [same, brighter] = jittering.apply({ images: grey }, seed())
      expect(tf.max(tf.abs(tf.sub(same, 100 / 255))).dataSync()[0]).toBeLessThan(1e-4)
      const factors = [...tf.mean(brighter, [1, 2, 3]).dataSync()].map((mean) => (mean * 255) / 100)
      expect(Math.min(...factors)).toBeGreaterThan(0.59)
      expect(Math.max(...factors)).toBeLessThan(1.41)
      expect(Math.max(...factors) - Math.min(...factors)).toBeGreaterThan(0.5)

      const [again] = turning.apply({ images: ramp(20) }, seed())
      expect(again.dataSync()).toEqual(plain.dataSync())
      const [other] = turning.apply({ images: ramp(20) }, seed(9))
      expect(other.dataSync()).not.toEqual(plain.dataSync())
    })
  })

  test('with erase, only copies have a black square, each at a different place', () => {
    tf.tidy(() => {
      const erasing = grayViews({ ...settings, erase: 0.5 })
      const [plain, copies] = erasing.apply(
        { images: tf.fill([40, 28, 28, 1], 255, 'int32') as tf.Tensor4D },
        seed(),
      )
      expect(tf.min(plain).dataSync()[0]).toBeCloseTo(1, 5)
      const black = tf.sub(1, copies)
      const [rows, columns] = [tf.max(black, 2), tf.max(black, 1)].map(
        (line) => tf.sum(line, [1, 2]).arraySync() as number[],
      )
      const areas = tf.sum(black, [1, 2, 3]).arraySync() as number[]
      // A square of 12 of 24 pixels, cut at the edges: its middle lies within.
      areas.forEach((area, i) => {
        expect(area).toBeCloseTo(rows![i]! * columns![i]!, 2)
        expect(rows![i]).toBeGreaterThan(5)
        expect(rows![i]).toBeLessThan(12.1)
      })
      expect(Math.max(...areas)).toBeCloseTo(144, 2)
      expect(new Set(areas.map(Math.round)).size).toBeGreaterThan(10)
    })
  })

  test('use crops that were made during decoding', () => {
    tf.tidy(() => {
      const views = grayViews({ ...settings, rotation: 25 })
      expect(views.crops.map(({ stream }) => stream)).toEqual([0, 1, 2, 3])
      expect(Math.sqrt(views.crops[1]!.scale[0]) * 28).toBeCloseTo(16, 6)
      expect(Math.sqrt(views.crops[1]!.scale[1]) * 28).toBeCloseTo(24, 6)
      const crops = views.crops.map(() => ramp(2, 24))
      const [plain, copies] = views.apply({ crops }, seed())
      expect([plain.shape[0], copies.shape[0]]).toEqual([2, 6])
      for (const slope of slopes(plain)) expect(slope).toBeCloseTo(1, 3)
      expect(() => views.apply({ crops: crops.slice(1) }, seed())).toThrow(
        'iic: the batch must contain images or 4 crops of each; got 3 crops',
      )
    })
  })

  test('of colour images are crops of one size, with flipped and jittered copies', () => {
    tf.tidy(() => {
      const views = colourViews({ ...settings, crop: 2 / 3, jitter: 0.4, normalisation: undefined })
      expect(views.crops).toHaveLength(4)
      const images = tf.tile(ramp(6), [1, 1, 1, 3]) as tf.Tensor4D
      const [plain, copies] = views.apply({ images }, seed())
      expect([plain.shape, copies.shape]).toEqual([
        [6, 24, 24, 3],
        [18, 24, 24, 3],
      ])
      const rising = slopes(copies).filter((slope) => slope > 0).length
      expect(rising).toBeGreaterThan(3)
      expect(rising).toBeLessThan(15)
    })
  })

  test('edges are Sobel filters of the pixels before normalisation', () => {
    tf.tidy(() => {
      const normalisation = { mean: [0.5], std: [0.25] }
      const pixels = tf.div(ramp(1, 6), 100) as tf.Tensor4D
      const edges = sobel(tf.div(tf.sub(pixels, 0.5), 0.25), normalisation)
      expect(edges.shape).toEqual([1, 6, 6, 2])
      const at = (row: number, column: number) => [
        ...tf.slice(edges, [0, row, column, 0], [1, 1, 1, 2]).dataSync(),
      ]
      // Across: (left - right) * (1 + 2 + 1) = -0.1 * 4; down: nothing changes.
      expect(at(2, 2)[0]).toBeCloseTo(-0.4, 5)
      expect(at(2, 2)[1]).toBeCloseTo(0, 5)
      // At the lower border the padding is zero: (1 * 0.05 + 2 * 0.1 + 1 * 0.15).
      expect(at(5, 2)[1]).toBeCloseTo(0.4, 5)
      // The edges of a colour image are those of its brightness.
      const colour = tf.mul(tf.tile(pixels, [1, 1, 1, 3]), tf.tensor1d([1, 0, 0])) as tf.Tensor4D
      const ofRed = sobel(colour, { mean: [0, 0, 0], std: [1, 1, 1] })
      expect(tf.slice(ofRed, [0, 2, 2, 0], [1, 1, 1, 1]).dataSync()[0]).toBeCloseTo(-0.4 * 0.2989, 5)
    })
  })
})
