import { expect, test } from 'vitest'
import { Operations } from './operations.js'

/** Requests numbers and records the definitions that the addon receives. */
function numbers() {
  const defined: [number, string, readonly unknown[]][] = []
  const operations = new Operations({ define: (...one) => void defined.push(one) })
  const of = (name: string, ...values: unknown[]) =>
    operations.numberOf(
      name,
      values.map((value, i) => ({ name: `a${i}`, type: 1, value })),
    )
  return { defined, of }
}

test('an operation with the same attributes is defined once', () => {
  const { defined, of } = numbers()
  expect([of('Sum', 1, true), of('Sum', 1, false), of('Max', 1, true), of('Sum', 1, true)]).toEqual([
    0, 1, 2, 0,
  ])
  expect(defined).toEqual([
    [0, 'Sum', ['a0', 1, 1, 'a1', 1, true]],
    [1, 'Sum', ['a0', 1, 1, 'a1', 1, false]],
    [2, 'Max', ['a0', 1, 1, 'a1', 1, true]],
  ])
})

test('lists are compared by their elements at the time of the call', () => {
  const { of } = numbers()
  const strides = [1, 2]
  const first = of('Conv2D', strides)
  expect(of('Conv2D', [1, 2])).toBe(first)
  expect(of('Conv2D', [1, 2, 1])).not.toBe(first)
  strides[1] = 3
  expect(of('Conv2D', strides)).not.toBe(first)
})

test('a full table reuses the oldest number', () => {
  const { defined, of } = numbers()
  for (let i = 0; i < 40; i++) of('Pad', i)
  expect(Math.max(...defined.map(([number]) => number))).toBe(31)
  expect(of('Pad', 39)).toBe(7)
  expect(of('Pad', 0)).toBe(8)
  expect(defined.at(-1)).toEqual([8, 'Pad', ['a0', 1, 0]])
})
