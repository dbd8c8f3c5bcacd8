import { prepareEngine } from '@selfsup/engine'
import { keyQueue } from '@selfsup/losses'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { methodEngines } from '../../../tooling/vitest/engines.js'
import { inRandomOrder } from './shuffle.js'

describe.each(methodEngines())('the queue on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })
  /** Keys of one feature: n, n + 1, ... */
  const batch = (n: number, count = 3) => tf.expandDims(tf.range(n, n + count), 1) as tf.Tensor2D

  // Five rows, three keys per batch: the second batch starts at row 3 and ends at row 0.
  const states = [
    { keys: [1, 2, 3, 0, 0], position: 3 },
    { keys: [6, 2, 3, 4, 5], position: 1 },
    { keys: [6, 7, 8, 9, 5], position: 4 },
    { keys: [11, 12, 8, 9, 10], position: 2 },
  ]
  test.each(['eager', 'compiled'])('wraps in the middle of a batch, %s', async (how) => {
    const { compile } = await prepareEngine({ engine })
    const before = tf.memory().numTensors
    const queue = keyQueue(5, 1, 1)
    tf.tidy(() => queue.keys.assign(tf.zeros([5, 1])))
    const enqueue = (keys: tf.Tensor2D) => {
      queue.enqueue(keys)
      return []
    }
    const step = how === 'compiled' ? compile(enqueue) : Object.assign(enqueue, { dispose() {} })
    for (const [number, wanted] of states.entries()) {
      const keys = tf.tidy(() => batch(1 + 3 * number))
      step(keys)
      keys.dispose()
      expect([...queue.keys.dataSync()]).toEqual(wanted.keys)
      expect(queue.position.dataSync()[0]).toBe(wanted.position)
    }
    step.dispose()
    queue.dispose()
    expect(tf.memory().numTensors).toBe(before)
  })

  test('a batch as large as the queue replaces all keys', () => {
    const queue = keyQueue(4, 1, 1)
    tf.tidy(() => queue.enqueue(batch(1, 3)))
    tf.tidy(() => queue.enqueue(batch(4, 4)))
    expect([...queue.keys.dataSync()]).toEqual([5, 6, 7, 4])
    expect(queue.position.dataSync()[0]).toBe(3)
    queue.dispose()
  })

  test('starts with random directions that depend only on the seed', () => {
    const rows = (seed: number) => {
      const queue = keyQueue(3, 4, seed)
      const values = tf.tidy(() => [...tf.norm(queue.keys, 2, 1).dataSync(), ...queue.keys.dataSync()])
      queue.dispose()
      return values
    }
    for (const length of rows(1).slice(0, 3)) expect(length).toBeCloseTo(1, 5)
    expect(rows(1)).toEqual(rows(1))
    expect(rows(2)).not.toEqual(rows(1))
  })

  test.each([
    [4, 2],
    [2, 3],
  ])('a queue of [3,2] rejects a batch of %i keys with %i features', (count, features) => {
    const queue = keyQueue(3, 2, 1)
    const keys = tf.zeros([count, features]) as tf.Tensor2D
    expect(() => queue.enqueue(keys)).toThrow(
      `keyQueue: a batch must have shape [at most 3, 2], because the queue is [3,2]; got [${count},${features}]`,
    )
    keys.dispose()
    queue.dispose()
  })

  test('encodes keys in a shuffled order and returns them in the original one', () => {
    tf.tidy(() => {
      const x = tf.expandDims(tf.range(0, 64), 1) as tf.Tensor2D
      const seed = (n: number) => tf.tensor1d([n, 0], 'int32')
      const seen: number[][] = []
      const encode = (x: tf.Tensor) => {
        seen.push([...x.dataSync()])
        return tf.mul(x, 10) as tf.Tensor2D
      }
      const keys = inRandomOrder(x, seed(1), encode)
      expect([...keys.dataSync()]).toEqual(Array.from({ length: 64 }, (_, i) => 10 * i))
      // Eight groups of eight: few keys are in the same group as their query.
      const group = (position: number) => Math.floor(position / 8)
      const stayed = seen[0]!.filter((image, position) => group(image) === group(position)).length
      expect(stayed).toBeLessThan(20)
      inRandomOrder(x, seed(2), encode)
      expect(seen[1]).not.toEqual(seen[0])
      expect([...seen[1]!].sort((a, b) => a - b)).toEqual([...x.dataSync()])
    })
  })
})
