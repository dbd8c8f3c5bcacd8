import { prepareEngine } from '@selfsup/engine'
import { randomNormal } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { featureSpread } from './spread.js'

describe.each(testEngines())('%s', (engine) => {
  beforeAll(() => prepareEngine({ engine }))

  const spreadOf = (make: () => tf.TensorContainer) => tf.tidy(() => featureSpread(make())?.dataSync()[0])

  test('features all over the sphere have about 1', () => {
    const gaussian = () => randomNormal([2000, 64], tf.tensor1d([1, 2], 'int32'))
    expect(spreadOf(gaussian)).toBeCloseTo(1, 1)
    expect(spreadOf(() => tf.mul(gaussian(), 1000))).toBeCloseTo(1, 1)
  })

  test('worked out by hand: two opposite points on one of two axes', () => {
    // unit vectors (1, 0) and (-1, 0): deviations 1 and 0, mean 1/2, times sqrt(2)
    expect(
      spreadOf(() =>
        tf.tensor2d([
          [3, 0],
          [-5, 0],
        ]),
      ),
    ).toBeCloseTo(Math.SQRT1_2, 6)
  })

  test('collapsed features have 0, also when they are zero', () => {
    expect(spreadOf(() => tf.ones([8, 4]))).toBeCloseTo(0, 6)
    expect(spreadOf(() => tf.zeros([8, 4]))).toBe(0)
  })

  test('a container is searched for a matrix; without one there is nothing to watch', () => {
    expect(
      spreadOf(() => ({
        scalar: tf.scalar(1),
        list: [
          tf.tensor2d([
            [3, 0],
            [-5, 0],
          ]),
        ],
      })),
    ).toBeCloseTo(Math.SQRT1_2, 6)
    expect(spreadOf(() => ({ scalar: tf.scalar(1) }))).toBeUndefined()
    expect(featureSpread(undefined)).toBeUndefined()
  })

  test('nothing is left behind', () => {
    const features = tf.ones([4, 2])
    const before = tf.memory().numTensors
    featureSpread(features)!.dispose()
    expect(tf.memory().numTensors).toBe(before)
    features.dispose()
  })
})
