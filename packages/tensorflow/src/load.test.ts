import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { loadTensorflow } from './load.js'

test('x', async () => {
  await loadTensorflow()
  await tf.setBackend('tensorflow')
  expect(tf.getBackend()).toBe('tensorflow')
  expect([...tf.matMul(tf.ones([2, 2]), tf.ones([2, 2])).dataSync()]).toEqual([2, 2, 2, 2])
})
