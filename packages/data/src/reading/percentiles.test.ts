import { expect, it } from 'vitest'
import { rangeOfSample, SampledValues } from './percentiles.js'
import type { ImageValues } from './values.js'

const image = (
  data: Float32Array,
  width: number,
  height: number,
  more: Partial<ImageValues> = {},
): ImageValues => ({
  data,
  width,
  height,
  samples: data.length / (width * height),
  alpha: false,
  ...more,
})

it('a band that is missing in one image keeps the values of the others in their places', () => {
  const sample = new SampledValues()
  sample.add(0, image(Float32Array.of(Number.NaN, 10, 100), 1, 1), [0, 1, 2], false)
  sample.add(1, image(Float32Array.of(Number.NaN, 20, 200), 1, 1), [0, 1, 2], false)
  expect(rangeOfSample(sample)).toEqual({ low: [0, 10, 100], high: [1, 20, 200] })
  expect(rangeOfSample(new SampledValues())).toBeUndefined()
})

it('a band that is used twice has its range twice', () => {
  const sample = new SampledValues()
  sample.add(0, image(Float32Array.of(1, 10, 3, 30), 2, 1), [0, 1, 0], false)
  expect(rangeOfSample(sample)).toEqual({ low: [1, 10, 1], high: [3, 30, 3] })
})

it('pixels of large images lie in all columns', () => {
  const side = 2048
  const data = Float32Array.from({ length: side * side }, (_, i) => i % side)
  const sample = new SampledValues()
  sample.add(0, image(data, side, side), [0], false)
  const [values] = sample.lists()
  expect(new Set(values).size).toBe(side)
  expect(values!.length).toBeLessThanOrEqual(16_384)
})

it('many bands need no more memory than a few', () => {
  const sample = new SampledValues()
  const bands = Array.from({ length: 256 }, (_, band) => band)
  sample.add(0, image(new Float32Array(64 * 64 * 256), 64, 64), bands, false)
  expect(sample.lists().reduce((sum, { length }) => sum + length, 0)).toBeLessThanOrEqual(131_072)
})

it('fully transparent pixels do not count', () => {
  const sample = new SampledValues()
  sample.add(0, image(Float32Array.of(5, 1, 900, 0, 7, 1), 3, 1, { alpha: true, samples: 2 }), [0], true)
  expect(rangeOfSample(sample)).toEqual({ low: [5], high: [7] })
})
