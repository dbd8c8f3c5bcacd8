import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { prepareEngine, testEngines } from '../../../tooling/vitest/engines.js'
import { bucketsOf } from './collectives.js'
import { randomNormal, randomOrders, randomUniform } from './random.js'
import { acrossWorkers, rowsInAll, rowsOfAllWorkers, rowsOfThisWorker, workerCount } from './workers.js'

describe.each(testEngines())('on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })

  test('three workers draw the numbers that one draws for all images', () => {
    const seed = tf.tensor1d([3, 4], 'int32')
    const rows = [3, 2, 2]
    // Two copies of each image, first one row for each image and then again; and one row for each image.
    const draw = (images: number) => [
      randomUniform<tf.Rank.R2>([2 * images, 3], seed, { images }),
      randomNormal<tf.Rank.R1>([images], seed, { images, stdDev: 2 }),
      tf.cast(randomOrders(images, 4, seed, { images }), 'float32'),
    ]
    const whole = tf.tidy(() => draw(7).map((x) => x.arraySync() as number[]))
    const parts = rows.map((images, rank) =>
      tf.tidy(() => acrossWorkers({ rank, rows }, () => draw(images).map((x) => x.arraySync() as number[]))),
    )
    const half = (part: number) =>
      parts.flatMap((drawn, rank) =>
        (drawn as unknown[][])[0]!.slice(part * rows[rank]!, (part + 1) * rows[rank]!),
      )
    expect([...half(0), ...half(1)]).toEqual((whole as unknown[][])[0])
    for (const i of [1, 2])
      expect(parts.flatMap((drawn) => (drawn as unknown[][])[i])).toEqual((whole as unknown[][])[i])
    seed.dispose()
  })

  test('one worker gets its arguments back', () => {
    const x = tf.ones([4, 2])
    acrossWorkers({ rank: 0, rows: [4] }, () => {
      expect(rowsOfAllWorkers(x)).toBe(x)
      expect(rowsOfThisWorker(x)).toBe(x)
      expect(workerCount()).toBe(1)
    })
    expect(rowsOfAllWorkers(x)).toBe(x)
    x.dispose()
  })

  test('a tensor without one row for each image is an error', () => {
    const x = tf.ones([5, 2])
    const workers = { rank: 0, rows: [4, 4] }
    expect(() => acrossWorkers(workers, () => rowsOfAllWorkers(x))).toThrow(
      "needs one row for each of this worker's 4 images; got [5,2]",
    )
    expect(() => acrossWorkers(workers, () => rowsInAll(5))).toThrow('this worker has 4 images')
    expect(workerCount()).toBe(1) // also after an error
    x.dispose()
  })
})

test('buckets keep the order and hold a limited number of values', () => {
  const sizes = [3, 4, 2, 9, 1].map((size) => ({ size }))
  const buckets = bucketsOf(sizes, 7).map((bucket) => bucket.map(({ size }) => size))
  expect(buckets).toEqual([[3, 4], [2], [9], [1]])
})
