import { expect, test } from 'vitest'
import { embedderOf } from './image-search.js'
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

test('features that exist are found by the numbers of their images', async () => {
  const table = { count: 2, width: 2, labels: Int32Array.of(0, 0), indices: Int32Array.of(3, 1) }
  const embedder = embedderOf({ ...table, values: Float32Array.of(30, 31, 10, 11) })
  const { images, values } = await embedder.embed(Uint32Array.of(1, 2, 3))
  expect([...(images as Uint32Array)]).toEqual([1, 3]) // image 2 was unreadable
  expect([...values]).toEqual([10, 11, 30, 31])
})
