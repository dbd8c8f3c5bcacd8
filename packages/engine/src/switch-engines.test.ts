import { findTensorflow } from '@selfsup/tensorflow'
import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { type EngineName, prepareEngine } from './index.js'

const installed = findTensorflow()?.source === 'selfsup'
const pairs: [EngineName, EngineName][] = [
  ['cpu', 'wasm'],
  ['wasm', 'tensorflow'],
  ['cpu', 'tensorflow'],
  ['tensorflow', 'wasm'],
]

test.each(pairs.filter((pair) => installed || !pair.includes('tensorflow')))(
  'what was made on %s is used on %s',
  async (first, second) => {
    await prepareEngine({ engine: first })
    const before = tf.memory()
    // Values that have been computed with, clones of them, and values that have not.
    const x = tf.tidy(() => tf.add(tf.tensor1d([1, 2, 3]), 1))
    const [clone, constant] = [tf.clone(x), tf.tensor1d([1, 2, 3], 'int32')]
    const weight = tf.tidy(() => tf.variable(tf.mul(x, 10)))

    const engine = await prepareEngine({ engine: second })
    const step = engine.compile((x: tf.Tensor) => {
      const y = tf.add(tf.mul(x, weight), tf.cast(constant, 'float32'))
      weight.assign(tf.add(weight, 1))
      return y
    })
    for (const expected of [
      [41, 92, 163],
      [43, 95, 167],
    ]) {
      const y = step(x)
      expect([...(await y.data())]).toEqual(expected)
      y.dispose()
    }
    expect([...(await weight.data())]).toEqual([22, 32, 42])
    expect(tf.tidy(() => [...tf.sub(clone, 1).dataSync()])).toEqual([1, 2, 3])
    expect([...constant.dataSync()]).toEqual([1, 2, 3])

    step.dispose()
    tf.dispose([x, clone, constant, weight])
    expect(tf.memory().numTensors).toBe(before.numTensors)
    expect(tf.memory().numDataBuffers).toBe(before.numDataBuffers)
  },
)
