import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { report } from './report.js'

describe.each(testEngines())('report on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })

  test('is the mean of the rows and leaves nothing else behind', () => {
    const x = tf.tensor2d([1, 2, 3, 4], [2, 2])
    const before = tf.memory().numTensors
    const mean = report(x)
    expect([...mean.dataSync()]).toEqual([2, 3])
    expect(tf.memory().numTensors).toBe(before + 1)
    tf.dispose([x, mean])
  })

  test('refuses what is no matrix', () => {
    const x = tf.tensor1d([1])
    expect(() => report(x as unknown as tf.Tensor2D)).toThrow('x must be [batch, features]; got [1]')
    x.dispose()
  })
})
