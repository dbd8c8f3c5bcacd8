import { normals } from '@selfsup/core'
import { expect, test } from 'vitest'
import { type FeatureRows, placeFeatures } from './place-features.js'

/** Separate clusters with `each` rows per cluster. */
function clouds(count: number, each: number, width: number): FeatureRows {
  const values = normals([1, 2], count * each * width)
  for (let i = 0; i < count * each; i++) values[i * width + Math.floor(i / each)]! += 30
  return { values, count: count * each, width }
}

test('rows of one cluster are placed together; the result is deterministic', () => {
  const rows = clouds(3, 25, 8)
  const { x, y } = placeFeatures(rows)
  const middle = [0, 1, 2].map((cloud) => {
    const of = (values: number[]) =>
      values.slice(cloud * 25, cloud * 25 + 25).reduce((sum, value) => sum + value, 0) / 25
    return [of(x), of(y)] as const
  })
  const nearest = x.map((_, i) => {
    const distances = middle.map(([a, b]) => Math.hypot(x[i]! - a, y[i]! - b))
    return distances.indexOf(Math.min(...distances))
  })
  expect(nearest).toEqual(x.map((_, i) => Math.floor(i / 25)))
  expect(Math.min(...x, ...y)).toBe(0)
  expect(Math.max(...x, ...y)).toBe(4095)
  expect(placeFeatures(rows)).toEqual({ x, y })
})

test('wide rows are projected first', () => {
  const { x } = placeFeatures(clouds(2, 10, 300))
  expect(x).toHaveLength(20)
})

test('throws for too few, equal or non-finite rows', () => {
  expect(() => placeFeatures(clouds(1, 9, 4))).toThrow('at least 10 images; got 9')
  const same = { values: new Float32Array(40).fill(1), count: 10, width: 4 }
  expect(() => placeFeatures(same)).toThrow('collapsed to a single point')
  expect(() => placeFeatures({ ...same, values: new Float32Array(40).fill(Number.NaN) })).toThrow('NaN')
  expect(() => placeFeatures({ ...same, width: 5 })).toThrow('must be [10, 5]; got 40')
})
