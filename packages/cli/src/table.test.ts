import { expect, test } from 'vitest'
import { duration, percent, table } from './table.js'

test('columns have equal width, numbers stand to the right', () => {
  expect(
    table(
      ['features', 'kNN'],
      [
        ['random', '9.50 %'],
        ['SimCLR', '45.67 %'],
      ],
    ),
  ).toBe(['features      kNN', '--------  -------', 'random     9.50 %', 'SimCLR    45.67 %'].join('\n'))
})

test.each([
  [42.4, '42 s'],
  [200, '3 min 20 s'],
  [7500, '2 h 5 min'],
  [Number.POSITIVE_INFINITY, '?'],
])('%d seconds are %s', (seconds, text) => {
  expect(duration(seconds)).toBe(text)
})

test('percent', () => {
  expect(percent(0.45674)).toBe('45.67 %')
})
