import { expect, test } from 'vitest'
import { positionsOf, shardOf, shardPath } from './shards.js'

test('shares cover all positions once, in order', () => {
  const all = [1, 2, 3].flatMap((number) => [...positionsOf({ number, count: 3 }, 8)])
  expect(all).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  expect(positionsOf({ number: 1, count: 3 }, 8)).toHaveLength(2)
})

test('a share is i/n', () => {
  expect(shardOf('2/4')).toEqual({ number: 2, count: 4 })
  for (const wrong of ['0/4', '5/4', '2', 'a/b'])
    expect(() => shardOf(wrong)).toThrow(`--shard must be i/n, from 1/n to n/n, such as 2/4; got '${wrong}'`)
  expect(shardPath('a.b/features.npy', { number: 2, count: 4 })).toBe('a.b/features.2-of-4.npy')
})
