import { expect, test } from 'vitest'
import { nearest, unknownName } from './nearest.js'

test.each([
  ['simclear', 'simclr'],
  ['SimCLR', 'simclr'],
  ['barlowtwins', 'barlow-twins'],
  ['resnet', undefined],
  ['zzz', undefined],
])('the nearest name to %s is %s', (word, meant) => {
  expect(nearest(word, ['simclr', 'barlow-twins', 'iic-clustering'])).toBe(meant)
})

test('unknownName lists the available names and suggests the nearest', () => {
  expect(unknownName('method', 'simclear', ['simclr', 'moco'])).toBe(
    "unknown method 'simclear'; did you mean 'simclr'? available: simclr, moco",
  )
  expect(unknownName('method', 'qqqqqq', ['simclr'])).toBe("unknown method 'qqqqqq'; available: simclr")
})
