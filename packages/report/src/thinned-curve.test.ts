import { expect, test } from 'vitest'
import { ThinnedCurve } from './thinned-curve.js'

function curveOf(count: number, most: number, y: (i: number) => number) {
  const curve = new ThinnedCurve(most)
  for (let i = 0; i < count; i++) curve.add(i, y(i))
  return curve.curve('loss')
}

test('short curves are unchanged', () => {
  expect(curveOf(3, 4, (i) => i / 2)).toEqual({ name: 'loss', x: [0, 1, 2], y: [0, 0.5, 1] })
})

test('neighbours share a bucket with their mean, extremes and last x', () => {
  // Four buckets of one point; the fifth point merges them to two of two points, and opens a third.
  expect(curveOf(5, 4, (i) => i)).toEqual({
    name: 'loss',
    x: [1, 3, 4],
    y: [0.5, 2.5, 4],
    low: [0, 2, 4],
    high: [1, 3, 4],
  })
})

test('a spike among a million points is visible, and the number of points is bounded', () => {
  const { x, high, y } = curveOf(1_000_000, 600, (i) => (i === 777_777 ? 50 : 1))
  expect(x.length).toBeGreaterThanOrEqual(300)
  expect(x.length).toBeLessThanOrEqual(600)
  expect(Math.max(...high!)).toBe(50)
  expect(x.at(-1)).toBe(999_999)
  expect(y.every((value) => value >= 1 && value < 1.1)).toBe(true)
})

test('values that are not finite are left out', () => {
  const curve = new ThinnedCurve(4)
  curve.add(1, Number.NaN)
  curve.add(2, 3)
  curve.add(3, Number.POSITIVE_INFINITY)
  expect(curve.curve('x')).toEqual({ name: 'x', x: [2], y: [3] })
  expect(curve.latest).toBe(3)
})
