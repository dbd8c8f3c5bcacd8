import { expect, test } from 'vitest'
import { Operations } from './operations.js'

/** The numbers given to calls, and what the addon was told. */
function numbers() {
  const told: [number, string, readonly unknown[]][] = []
  const operations = new Operations({ define: (...one) => void told.push(one) })
  const of = (name: string, ...values: unknown[]) =>
    operations.numberOf(
      name,
      values.map((value, i) => ({ name: `a${i}`, type: 1, value })),
    )
  return { told, of }
}

test('an operation with the same attributes is told once', () => {
  const { told, of } = numbers()
  expect([of('Sum', 1, true), of('Sum', 1, false), of('Max', 1, true), of('Sum', 1, true)]).toEqual([
    0, 1, 2, 0,
  ])
  expect(told).toEqual([
    [0, 'Sum', ['a0', 1, 1, 'a1', 1, true]],
    [1, 'Sum', ['a0', 1, 1, 'a1', 1, false]],
    [2, 'Max', ['a0', 1, 1, 'a1', 1, true]],
  ])
})

test('lists are told apart by what they hold, when they were told', () => {
  const { of } = numbers()
  const strides = [1, 2]
  const first = of('Conv2D', strides)
  expect(of('Conv2D', [1, 2])).toBe(first)
  expect(of('Conv2D', [1, 2, 1])).not.toBe(first)
  strides[1] = 3
  expect(of('Conv2D', strides)).not.toBe(first)
})

test('only so many are remembered: the oldest gives its number away', () => {
  const { told, of } = numbers()
  for (let i = 0; i < 40; i++) of('Pad', i)
  expect(Math.max(...told.map(([number]) => number))).toBe(31)
  expect(of('Pad', 39)).toBe(7)
  expect(of('Pad', 0)).toBe(8)
  expect(told.at(-1)).toEqual([8, 'Pad', ['a0', 1, 0]])
})
