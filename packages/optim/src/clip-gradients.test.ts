import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { clipGradients } from './index.js'

describe.each(testEngines())('%s', (engine) => {
  beforeAll(() => prepareEngine({ engine }))

  test('scales gradients of joint norm 5 to norm 1 and keeps smaller ones', () => {
    const gradients = { kernel: tf.tensor2d([[3, 0]]), bias: tf.tensor1d([4]) }
    const before = tf.memory().numTensors
    const clipped = clipGradients(gradients, 1)
    expect(clipped.kernel!.dataSync()[0]).toBeCloseTo(0.6, 5)
    expect(clipped.bias!.dataSync()[0]).toBeCloseTo(0.8, 5)
    const kept = clipGradients(gradients, 10)
    expect([...kept.kernel!.dataSync(), ...kept.bias!.dataSync()]).toEqual([3, 0, 4])
    expect(clipGradients({}, 1)).toEqual({})
    expect(tf.memory().numTensors).toBe(before + 4)
    tf.dispose([gradients, clipped, kept])
  })
})
