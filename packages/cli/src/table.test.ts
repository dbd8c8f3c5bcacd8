import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { duration, percent, shellWord, table } from './table.js'

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

test('leaves simple paths unquoted', () => {
  expect(shellWord('runs/simclr-1.2')).toBe('runs/simclr-1.2')
  expect(shellWord('C:\\runs\\a')).toBe('C:\\runs\\a')
})

test
  .skipIf(process.platform === 'win32')
  .each(['my runs/a', 'a "b"', '$HOME', '`date`', 'a\\ b', "it's", 'a;b'])(
  'a shell reads the quoted %j as it was',
  (path) => {
    expect(execFileSync('sh', ['-c', `printf %s ${shellWord(path)}`]).toString()).toBe(path)
  },
)
