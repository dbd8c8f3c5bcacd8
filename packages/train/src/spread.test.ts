import { prepareEngine } from '@selfsup/engine'
import { randomNormal } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { featureSpread } from './spread.js'

describe.each(testEngines())('%s', (engine) => {
  beforeAll(() => prepareEngine({ engine }))

  const spreadOf = (make: () => tf.TensorContainer) => tf.tidy(() => featureSpread(make())?.dataSync()[0])

  test('is about 1 for features spread over the sphere', () => {
    const gaussian = () => randomNormal([2000, 64], tf.tensor1d([1, 2], 'int32'))
    expect(spreadOf(gaussian)).toBeCloseTo(1, 1)
    expect(spreadOf(() => tf.mul(gaussian(), 1000))).toBeCloseTo(1, 1)
  })

  test('equals the value worked out by hand for two opposite points on one of two axes', () => {
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

  test('is 0 for collapsed features, also if they are all zero', () => {
    expect(spreadOf(() => tf.ones([8, 4]))).toBeCloseTo(0, 6)
    expect(spreadOf(() => tf.zeros([8, 4]))).toBe(0)
  })

  test('uses the first matrix of a container, and returns undefined if there is none', () => {
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

  test('leaks no tensors', () => {
    const features = tf.ones([4, 2])
    const before = tf.memory().numTensors
    featureSpread(features)!.dispose()
    expect(tf.memory().numTensors).toBe(before)
    features.dispose()
  })
})
