import { normals } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import { beforeAll, expect, test } from 'vitest'
import { temporaryFolder } from '../../../tooling/vitest/temporary-folder.js'
import { openImageIndex } from './image-index.js'
import { memoryIndex } from './memory-index.js'
import { nearDuplicates } from './near-duplicates.js'
import { areIndistinct, duplicateThreshold, randomPairs } from './random-pairs.js'

beforeAll(() => prepareEngine({ engine: 'wasm' }))

/** An index of vectors, row by row. */
async function indexOf(values: Float32Array, width: number) {
  const count = values.length / width
  const index = await openImageIndex(temporaryFolder(), { weights: 'a' })
  const paths = Array.from({ length: count }, (_, i) => `/images/${i}.jpg`)
  await index.add({ paths, stamps: paths, source: '/images', values, width })
  return index
}

/** Random directions plus a common one, which makes any two of them similar. */
function directions(count: number, width: number, common: number): Float32Array {
  return normals([4, 2], count * width).map((value, i) => value + (i % width === 0 ? common : 0))
}

test('the quantiles of the similarities of random pairs', async () => {
  // Four vectors at 60 degrees to each other, 6 of the 10 pairs; the fifth is orthogonal to them.
  const star = [0, 1, 2, 3].flatMap((i) => [1, ...[0, 1, 2, 3].map((j) => (i === j ? 1 : 0)), 0])
  const index = await indexOf(Float32Array.from([...star, 0, 0, 0, 0, 0, 1]), 6)
  const found = await randomPairs(index)
  expect(found!.pairs).toBe(10)
  expect(found!.median).toBeCloseTo(0.5, 6)
  expect(found!.p99).toBeCloseTo(0.5, 6)
  expect((await index.sample(3)).paths).toHaveLength(3)
  await index.close()

  // Directions at 0, 10, 30 and 90 degrees: angles of 10, 20, 30, 60, 80 and 90 degrees between them.
  const degrees = [0, 10, 30, 90].map((degree) => (degree * Math.PI) / 180)
  const fan = await indexOf(Float32Array.from(degrees.flatMap((a) => [Math.cos(a), Math.sin(a)])), 2)
  const { median, p99 } = (await randomPairs(fan))!
  expect(median).toBeCloseTo(Math.cos(Math.PI / 6), 6)
  expect(p99).toBeCloseTo(Math.cos(Math.PI / 18), 6)
  await fan.close()
})

test('the threshold of near-duplicates and the warning follow the random pairs', () => {
  expect(duplicateThreshold({ median: 0 })).toBeCloseTo(0.98, 12)
  expect(duplicateThreshold({ median: 0.5 })).toBeCloseTo(0.99, 12)
  expect(duplicateThreshold({ median: 0.995 })).toBeCloseTo(0.9999, 12)
  expect([0.3, 0.89, 0.91, 0.999].map((median) => areIndistinct({ median }))).toEqual([
    false,
    false,
    true,
    true,
  ])
})

test('features that hardly differ do not make all images near-duplicates', async () => {
  const [count, width] = [63, 32]
  for (const common of [0, 80]) {
    const values = directions(count, width, common)
    // Image 9 is image 3 with a little noise: a hundredth of the distance of random images.
    for (let f = 0; f < width; f++) values[9 * width + f] = values[3 * width + f]! + (f === 5 ? 0.1 : 0)
    const index = await indexOf(values, width)
    const pairs = await randomPairs(index)
    expect(areIndistinct(pairs!)).toBe(common > 0)
    if (common > 0) expect(pairs!.median).toBeGreaterThan(0.99)
    const groups = await nearDuplicates(index)
    expect(groups.map(({ paths }) => paths)).toEqual([['/images/3.jpg', '/images/9.jpg']])
    // A fixed threshold takes them all.
    const fixed = await nearDuplicates(index, { similarity: 0.98 })
    expect(fixed[0]!.paths).toHaveLength(common > 0 ? count : 2)
    // Features in memory, not scaled, give the same.
    const paths = Array.from({ length: count }, (_, i) => `/images/${i}.jpg`)
    const inMemory = memoryIndex({ values: values.map((value) => 3 * value), width }, paths)
    expect((await nearDuplicates(inMemory)).map((group) => group.paths)).toEqual([groups[0]!.paths])
    expect((await randomPairs(inMemory))!.median).toBeCloseTo(pairs!.median, 5)
    await index.close()
  }
})

test('an index without pairs has no distribution', async () => {
  const index = await indexOf(Float32Array.of(1, 0), 2)
  expect(await randomPairs(index)).toBeUndefined()
  expect(await nearDuplicates(index)).toEqual([])
  await index.close()
})
