import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { exponentialMovingAverage, initialAverages } from './index.js'

describe.each(await testEngines())('%s', (engine) => {
  beforeAll(() => prepareEngine({ engine }))

  test.each([
    [0, [4, 8]],
    [0.75, [1.75, 3.5]],
    [1, [1, 2]],
  ])('momentum %s', (momentum, expected) => {
    const before = tf.memory().numTensors
    const slow = tf.tidy(() => initialAverages({ w: tf.tensor1d([1, 2]) }))
    tf.tidy(() => exponentialMovingAverage(slow, { w: tf.tensor1d([4, 8]) }, tf.scalar(momentum)))
    expect([...slow.w!.dataSync()]).toEqual(expected)
    tf.dispose(slow)
    expect(tf.memory().numTensors).toBe(before)
  })

  test('a copy does not change with its original', () => {
    const fast = tf.tidy(() => tf.variable(tf.tensor1d([1, 2])))
    const slow = initialAverages({ fast })
    expect(slow.fast!.trainable).toBe(false)
    expect(slow.fast!.dataId).not.toBe(fast.dataId)
    tf.tidy(() => fast.assign(tf.tensor1d([5, 6])))
    expect([...slow.fast!.dataSync()]).toEqual([1, 2])
    tf.dispose([fast, slow])
  })

  test('missing names, extra names and different shapes are errors', () => {
    const slow = tf.tidy(() => initialAverages({ w: tf.tensor1d([1, 2]) }))
    const half = tf.scalar(0.5)
    expect(() => exponentialMovingAverage(slow, {}, half)).toThrow("no current value for the average 'w'")
    expect(() => exponentialMovingAverage(slow, { w: slow.w!, v: half }, half)).toThrow(
      "no average for the current value 'v'",
    )
    expect(() => exponentialMovingAverage(slow, { w: half }, half)).toThrow('got [2] and []')
    tf.dispose([slow, half])
  })
})
