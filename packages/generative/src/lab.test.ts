import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { methodEngines } from '../../../tooling/vitest/engines.js'
import scikitImage from './fixtures/lab.json' with { type: 'json' }
import { labOfColour, labToRgb, rgbToLab } from './lab.js'
import { colourBins, lightnessBins } from './quantised-colours.js'

const largest = (a: tf.Tensor, b: tf.Tensor) => tf.max(tf.abs(tf.sub(a, b))).dataSync()[0]!

describe.each(methodEngines())('on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })

  // For D65 and the 2 degree observer, from the calculators of brucelindbloom.com and easyrgb.com.
  test.each([
    ['black', [0, 0, 0], [0, 0, 0]],
    ['white', [255, 255, 255], [100, 0, 0]],
    ['grey', [119, 119, 119], [50.03, 0, 0]],
    ['red', [255, 0, 0], [53.24, 80.09, 67.2]],
    ['green', [0, 255, 0], [87.73, -86.18, 83.18]],
    ['blue', [0, 0, 255], [32.3, 79.19, -107.86]],
    ['yellow', [255, 255, 0], [97.14, -21.55, 94.48]],
    ['cyan', [0, 255, 255], [91.11, -48.09, -14.13]],
    ['magenta', [255, 0, 255], [60.32, 98.23, -60.82]],
  ] as const)('%s', (_, rgb, lab) => {
    tf.tidy(() => {
      const pixels = tf.div(tf.tensor2d([...rgb], [1, 3]), 255) as tf.Tensor2D
      expect(largest(rgbToLab(pixels), tf.tensor2d([...lab], [1, 3]))).toBeLessThan(0.03)
    })
  })

  test('both conversions equal scikit-image’s', () => {
    const before = tf.memory().numTensors
    tf.tidy(() => {
      const { rgb, lab, otherLab, otherRgb } = scikitImage
      expect(largest(rgbToLab(tf.tensor2d(rgb)), tf.tensor2d(lab))).toBeLessThan(2e-3)
      const onHost = rgb.map((colour) => labOfColour(colour as [number, number, number]))
      expect(largest(tf.tensor2d(onHost), tf.tensor2d(lab))).toBeLessThan(1e-4)
      expect(largest(labToRgb(tf.tensor2d(lab)), tf.tensor2d(rgb))).toBeLessThan(1e-4)
      expect(largest(labToRgb(tf.tensor2d(otherLab)), tf.tensor2d(otherRgb))).toBeLessThan(1e-4)
    })
    expect(tf.memory().numTensors).toBe(before)
  })

  test('colours map to the nearest bin that contains a colour of sRGB', () => {
    const before = tf.memory().numTensors
    const colours = colourBins(10)
    // Zhang et al. count 313, including bins at the edge of the gamut.
    expect(colours.bins).toBeGreaterThan(250)
    expect(colours.bins).toBeLessThan(313)
    tf.tidy(() => {
      const ab = tf.tensor4d([1, -4, 14, 26, 127, 127, -3, -106], [1, 2, 2, 2])
      const bins = [...colours.binOf(ab).dataSync()]
      expect(bins.slice(0, 2).map((bin) => colours.centres[bin])).toEqual([
        [0, 0],
        [10, 30],
      ])
      // Outside of the gamut: the nearest bin.
      const [a, b] = colours.centres[bins[2]!]!
      const distance = (x: number, y: number) => (x - 130) ** 2 + (y - 130) ** 2
      expect(distance(a!, b!)).toBe(Math.min(...colours.centres.map(([x, y]) => distance(x!, y!))))
    })
    expect(tf.memory().numTensors).toBe(before)
  })

  test('lightness bins have equal width; white is in the last bin', () => {
    const { bins, binOf, centres } = lightnessBins(25)
    expect(bins).toBe(4)
    expect(centres).toEqual([[12.5], [37.5], [62.5], [87.5]])
    tf.tidy(() => {
      const values = tf.tensor4d([0, 24.9, 25, 100], [1, 2, 2, 1])
      expect([...binOf(values).dataSync()]).toEqual([0, 0, 1, 3])
    })
  })

  test('the annealed mean is the mean at temperature 1, and the most likely bin towards 0', () => {
    const { mean } = lightnessBins(50)
    tf.tidy(() => {
      const logits = tf.tensor4d([0, Math.log(3)], [1, 1, 1, 2])
      expect(mean(logits, 1).shape).toEqual([1, 1, 1, 1])
      expect(mean(logits, 1).dataSync()[0]).toBeCloseTo(0.25 * 25 + 0.75 * 75, 4)
      expect(mean(logits, 0.01).dataSync()[0]).toBeCloseTo(75, 4)
      const weight = 3 ** (1 / 0.38)
      expect(mean(logits).dataSync()[0]).toBeCloseTo((25 + 75 * weight) / (1 + weight), 3)
    })
  })
})

test('rejects widths of bins out of range', () => {
  expect(() => lightnessBins(0)).toThrow('width must be greater than 0 and at most 50; got 0')
  expect(() => colourBins(1)).toThrow('width must be a number from 2 to 100; got 1')
})
