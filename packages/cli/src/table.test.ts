import { expect, test } from 'vitest'
import { duration, percent, table } from './table.js'

test('aligns columns, numbers to the right', () => {
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
])('formats %d seconds as %s', (seconds, text) => {
  expect(duration(seconds)).toBe(text)
})

test('formats a fraction as a percentage', () => {
  expect(percent(0.45674)).toBe('45.67 %')
})
