import type { EvaluationRecord } from '@selfsup/run-folder'
import { expect, test } from 'vitest'
import type { EmbeddingMap, RunView } from '../page-data.js'
import { aligned, nearestIndex, smoothed, someOf } from './chart-data.js'
import { mostConfused } from './confusion.js'
import { dataLabel, ordered } from './evaluated-data.js'
import { duration, figure, interval, number, percent, short, words } from './format.js'
import { moved, neighbourOf, pointAt, toCanvas, WHOLE, zoomed } from './map-view.js'
import { bestOf, headlineOf, protocolsOf } from './run-table.js'
import { merged } from './store.js'
import { lineSwatch, translucent } from './theme.js'

test('numbers are formatted for reading', () => {
  expect([0, 0.00012, 0.1234, 12.345, 1234567, -2].map(number)).toEqual([
    '0',
    '1.2 e-4',
    '0.123',
    '12.3',
    '1\u202f234\u202f567',
    '-2',
  ])
  expect([999, 1000, 11_170_000].map(short)).toEqual(['999', '1\u202fk', '11.2\u202fM'])
  expect(percent(0.4567)).toBe('45.7\u202f%')
  expect([4.21, 42, 200, 7500].map(duration)).toEqual(['4.2 s', '42 s', '3 min 20 s', '2 h 5 min'])
  expect(figure(0.5, 'part')).toBe('50.0\u202f%')
  expect(interval({ metric: 'a', features: 'b', value: 0.5, interval: [0.4, 0.6], unit: 'part' })).toBe(
    '40.0 to 60.0\u202f%',
  )
  expect(['linear-probe', 'imagesPerSecond'].map(words)).toEqual(['Linear probe', 'Images per second'])
})

test('lines with different steps are aligned to one x', () => {
  const lines = [
    { name: 'a', color: 0, x: [1, 3], y: [10, 30] },
    { name: 'b', color: 1, x: [2, 3], y: [5, 6], low: [4, 5], high: [6, 7] },
  ]
  expect(aligned(lines)).toEqual({
    x: [1, 2, 3],
    columns: [
      [10, null, 30],
      [null, 5, 6],
      [null, 6, 7],
      [null, 4, 5],
    ],
  })
})

test('nearestIndex finds the nearest of ascending values', () => {
  expect([-5, 1.4, 1.6, 99].map((x) => nearestIndex([0, 1, 2, 5], x))).toEqual([0, 1, 2, 3])
  expect(nearestIndex([], 1)).toBe(-1)
  expect(nearestIndex([4], 1)).toBe(0)
})

test('smoothing preserves a constant and does not lag behind a line', () => {
  expect(smoothed(new Array(300).fill(2)).every((value) => Math.abs(value - 2) < 1e-9)).toBe(true)
  const line = Array.from({ length: 400 }, (_, i) => i)
  expect(smoothed(line)[200]).toBeCloseTo(200)
})

test('someOf selects evenly spaced indices', () => {
  expect(someOf(3, 5)).toEqual([0, 1, 2])
  expect(someOf(101, 5)).toEqual([0, 25, 50, 75, 100])
})

test('mostConfused finds the largest off-diagonal fractions', () => {
  expect(
    mostConfused([
      [8, 2],
      [0, 0],
    ]),
  ).toEqual([{ row: 0, column: 1, part: 0.2 }])
})

const map: EmbeddingMap = {
  method: 'UMAP',
  width: 8,
  x: [0, 4095, 2047],
  y: [0, 0, 2047],
  positions: [0, 1, 2],
  labels: [0, 1, 0],
}
const area = { width: 400, height: 300 }
const all = () => true

test('points of a map are found under the pointer at any position and zoom', () => {
  let window = WHOLE
  const under = (i: number) => pointAt(map, window, area, toCanvas(window, area, map.x[i]!, map.y[i]!), all)
  expect([0, 1, 2].map(under)).toEqual([0, 1, 2])
  const corner = toCanvas(window, area, 4095, 0)
  window = zoomed(window, area, 3, corner)
  expect(toCanvas(window, area, 4095, 0)[0]).toBeCloseTo(corner[0])
  expect(under(1)).toBe(1)
  window = moved(window, area, 10, 20)
  expect(toCanvas(window, area, 2047, 2047)[0]).toBeCloseTo(
    toCanvas(zoomed(WHOLE, area, 3, corner), area, 2047, 2047)[0] + 10,
  )
  expect(zoomed(window, area, 0.01)).toBe(WHOLE)
  expect(pointAt(map, WHOLE, area, [0, 290], all)).toBeUndefined()
  expect(pointAt(map, WHOLE, area, toCanvas(WHOLE, area, 4095, 0), (label) => label === 0)).toBeUndefined()
})

test('arrow keys select the next point in their direction', () => {
  expect(neighbourOf(map, 0, [1, 0], all)).toBe(1)
  expect(neighbourOf(map, 0, [0, 1], all)).toBe(2)
  expect(neighbourOf(map, 0, [-1, 0], all)).toBeUndefined()
})

test('a summary does not remove the details of a run', () => {
  const whole = {
    id: 'a',
    step: 1,
    stamp: 's',
    curves: [],
    evaluations: [{ charts: [] }],
  } as unknown as RunView
  const summary = { id: 'a', step: 2, stamp: 's', evaluations: [{}] } as unknown as RunView
  expect(merged([whole], summary)).toEqual([{ ...summary, curves: [], evaluations: [{ charts: [] }] }])
  expect(merged([whole], { ...summary, stamp: 'new' })[0]!.evaluations).toEqual([{}])
  expect(merged([whole], { ...summary, id: 'b' }).map(({ id }) => id)).toEqual(['b', 'a'])
})

test('every run has a different colour, in both themes', () => {
  const swatches = Array.from({ length: 20 }, (_, run) => lineSwatch(run))
  expect(new Set(swatches).size).toBe(20)
  expect(swatches[7]).toBe('var(--line-8)')
  expect(swatches[8]).toMatch(/^light-dark\(oklch\(0\.52 0\.16 \d+\), oklch\(0\.68 0\.16 \d+\)\)$/)
  expect(translucent('oklch(0.52 0.16 20)', 0.2)).toBe('oklch(0.52 0.16 20 / 0.2)')
  expect(translucent('rgb(1, 2, 3)', 0.2)).toBe('rgba(1, 2, 3, 0.2)')
})

test('results on training images and on other test sets are kept apart, and only equal data are ranked', () => {
  const of = (fingerprint: string, count: number, value: number, inTraining?: number) =>
    ({
      protocol: 'knn',
      title: 'kNN',
      images: {
        train: { source: 'data/train', count: 50, fingerprint: 'train' },
        test: { source: `data/${fingerprint}`, count, fingerprint, ...(inTraining && { inTraining }) },
      },
      values: [{ metric: 'accuracy', features: 'run', value, unit: 'part' }],
    }) as unknown as EvaluationRecord
  const run = (id: string, evaluations: EvaluationRecord[]) => ({ id, evaluations }) as unknown as RunView
  const good = run('good', [of('test', 1000, 0.8), of('other', 500, 0.6)])
  // Its only high numbers are of its own training images.
  const bad = run('bad', [of('train', 5000, 1), of('test', 1000, 0.5), of('mixed', 9000, 0.99, 900)])
  const columns = protocolsOf([bad, good])
  expect(columns.map(dataLabel)).toEqual([
    'tested on data/test, 1\u202f000 images',
    'tested on data/other, 500 images',
    'tested on data/mixed, 9\u202f000 images, 10.0\u202f% of them training images',
    'tested on data/train, 5\u202f000 images, on the training images',
  ])
  expect(columns.map((column) => bestOf([bad, good], column))).toEqual(['good', 'good', undefined, undefined])
  expect(headlineOf(good, columns[3]!)).toBeUndefined()
  expect(ordered(bad.evaluations)[0]!.values[0]!.value).toBe(0.5)
})
