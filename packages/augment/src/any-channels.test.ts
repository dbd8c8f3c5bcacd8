import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { augmentation } from './augmentation.js'
import { bandJitter, randomBandJitter } from './band-jitter.js'
import { colorJitter } from './color-jitter.js'
import { grayscale } from './grayscale.js'
import { normalisationOf } from './normalise.js'
import { simclrViews } from './presets.js'
import { simclrRecipe } from './two-view-recipes.js'
import { chooseTwoViews } from './two-views.js'

const images = (channels: number) =>
  tf.tensor4d(
    Int32Array.from({ length: 2 * 12 * 12 * channels }, (_, i) => (i * 7919) % 256),
    [2, 12, 12, channels],
    'int32',
  )

describe.each(testEngines())('images of any number of channels on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })
  const seed = () => tf.tensor1d([3, 4], 'int32')

  test.each([2, 4, 5, 13])('%i channels: two views, normalised for each channel', (channels) => {
    tf.tidy(() => {
      const views = chooseTwoViews({ size: 8, channels }, {}, simclrRecipe).apply(
        { images: images(channels) },
        seed(),
      )
      expect(views.map(({ shape }) => shape)).toEqual([
        [2, 8, 8, channels],
        [2, 8, 8, channels],
      ])
      expect(views.every((view) => view.dataSync().every(Number.isFinite))).toBe(true)
    })
  })

  test('crops and flips of five channels are those of each channel alone', () => {
    tf.tidy(() => {
      const view = {
        size: 8,
        scale: [0.2, 1],
        horizontalFlip: 0.5,
        blur: { probability: 1, sigma: [0.5, 1], kernelSize: 3 },
      } as const
      const of = (x: tf.Tensor4D) =>
        augmentation([view], normalisationOf(x.shape[3])).apply({ images: x }, seed())[0]!
      const five = images(5)
      const together = of(five)
      const one = of(tf.slice(five, [0, 0, 0, 3], [-1, -1, -1, 1]))
      const fourth = tf.slice(together, [0, 0, 0, 3], [-1, -1, -1, 1])
      expect(tf.max(tf.abs(tf.sub(fourth, one))).dataSync()[0]).toBeLessThan(1e-4)
    })
  })

  test('colour jitter changes brightness and contrast only; contrast moves towards the mean of all channels', () => {
    tf.tidy(() => {
      const x = tf.tensor4d([0.1, 0.2, 0.3, 0.4, 0.5, 0.5, 0.4, 0.3, 0.2, 0.1], [1, 1, 2, 5])
      const parameters = {
        brightness: tf.tensor1d([1.5]),
        contrast: tf.tensor1d([0.5]),
        saturation: tf.tensor1d([0]),
        hue: tf.tensor1d([0.3]),
        places: tf.tensor2d([[0, 1, 2, 3]], [1, 4], 'int32'),
      }
      // Brightness: values * 1.5, whose mean is 0.45. Contrast: half of each value and half of the mean.
      const wanted = [...x.dataSync()].map((value) => 0.5 * 1.5 * value + 0.5 * 0.45)
      const found = [...colorJitter(x, parameters).dataSync()]
      for (const [i, value] of found.entries()) expect(value).toBeCloseTo(wanted[i]!, 5)
    })
  })

  test('jitter of bands: each band has its own contrast around its own mean, and its own brightness', () => {
    tf.tidy(() => {
      // Two views of two pixels with two bands: means 0.2 and 0.5, 0.3 and 0.6.
      const x = tf.tensor4d([0.1, 0.4, 0.3, 0.6, 0.2, 0.9, 0.4, 0.3], [2, 1, 2, 2])
      const parameters = {
        contrast: tf.tensor2d(
          [
            [0.5, 2],
            [1, 0],
          ],
          [2, 2],
        ), // prettier-ignore
        brightness: tf.tensor2d(
          [
            [2, 1],
            [1.5, 2],
          ],
          [2, 2],
        ), // prettier-ignore
      }
      // (0.2 -+ 0.05) * 2 and 0.5 -+ 0.2; 1.5 * x and the mean of the second band times 2, clipped to 1.
      const wanted = [0.3, 0.3, 0.5, 0.7, 0.3, 1, 0.6, 1]
      for (const [i, value] of [...bandJitter(x, parameters).dataSync()].entries())
        expect(value).toBeCloseTo(wanted[i]!, 5)
    })
  })

  test('bands are jittered with the probability and within the strengths of each view', () => {
    tf.tidy(() => {
      const count = 400
      const drawn = randomBandJitter(
        [count, 5],
        { brightness: 0.4, contrast: tf.fill([count], 1.5) as tf.Tensor1D },
        0.75,
        seed(),
      )
      const brightness = drawn.brightness.arraySync()
      const contrast = drawn.contrast.arraySync()
      const changed = brightness.filter((row) => row.some((value) => value !== 1))
      expect(changed.length / count).toBeGreaterThan(0.68)
      expect(changed.length / count).toBeLessThan(0.82)
      const spread = (values: number[]) => [Math.min(...values), Math.max(...values)] as const
      const [darkest, brightest] = spread(changed.flat())
      expect([darkest >= 0.6, darkest < 0.61, brightest > 1.39, brightest <= 1.4]).not.toContain(false)
      const [least, most] = spread(contrast.flat())
      expect([least >= 0, least < 0.02, most > 2.45, most <= 2.5]).not.toContain(false)
      expect(new Set(changed[0]).size).toBe(5)
      // A view is changed in both or in neither.
      for (const [i, row] of brightness.entries())
        expect(row.every((value) => value === 1)).toBe(contrast[i]!.every((value) => value === 1))
    })
  })

  test('grey of other channels than colours is their mean', () => {
    tf.tidy(() => {
      expect([...grayscale(tf.tensor4d([1, 2, 3, 6], [1, 1, 1, 4])).dataSync()]).toEqual([3])
    })
  })
})

test('presets for colours refuse other channels', async () => {
  await prepareEngine({ engine: 'cpu' })
  const five = images(5)
  const run = () => simclrViews({ size: 8 }).apply({ images: five }, tf.tensor1d([1, 2], 'int32'))
  expect(run).toThrow('the images have 5 channels, the normalisation 3; pass a normalisation for 5 channels')
  five.dispose()
})

test('views jitter bands only if they are asked to, and of colours never', async () => {
  await prepareEngine({ engine: 'cpu' })
  tf.tidy(() => {
    const of = (channels: number, bandJitter?: number) => {
      const { views, apply } = chooseTwoViews({ size: 8, channels }, { bandJitter }, simclrRecipe)
      return {
        views,
        pixels: [...apply({ images: images(channels) }, tf.tensor1d([3, 4], 'int32'))[0]!.dataSync()],
      }
    }
    const without = of(5)
    expect(without.views[0]!.bandJitter).toBeUndefined()
    // SimCLR's 0.8 times the strength.
    expect(of(5, 0.5).views[1]!.bandJitter).toEqual({ probability: 0.8, brightness: 0.4, contrast: 0.4 })
    expect(of(5, 0.5).pixels).not.toEqual(without.pixels)
    expect(of(3, 0.5).pixels).toEqual(of(3).pixels)
  })
})
