import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import '@tensorflow/tfjs-layers' // registers the gradients
import { beforeAll, describe, expect, test } from 'vitest'
import { stopGradient } from './stop-gradient.js'

beforeAll(async () => {
  await tf.setBackend('cpu')
})

describe('stopGradient', () => {
  test('is constant for differentiation: d/dx of x * stop(x) is x', () => {
    const x = tf.tensor1d([1, 2, 3])
    const gradient = tf.grad((x: tf.Tensor) => tf.sum(tf.mul(x, stopGradient(x))))(x)
    expect([...gradient.dataSync()]).toEqual([1, 2, 3])
  })

  test('shares the memory, and stays valid after the original is disposed of', () => {
    const before = tf.memory()
    const x = tf.tensor1d([1, 2, 3])
    const y = stopGradient(x)
    expect(tf.memory().numDataBuffers - before.numDataBuffers).toBe(1)
    x.dispose()
    expect([...y.dataSync()]).toEqual([1, 2, 3])
    y.dispose()
    expect(tf.memory().numTensors).toBe(before.numTensors)
    expect(tf.memory().numDataBuffers).toBe(before.numDataBuffers)
  })
})
