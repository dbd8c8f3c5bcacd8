// Plain TensorFlow.js: this file does not prepare any of Selfsup's engines.
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-layers' // registers TensorFlow.js's own gradients
import '@tensorflow/tfjs-backend-cpu'
import '@tensorflow/tfjs-backend-wasm'
import { beforeAll, describe, expect, test } from 'vitest'
import { expectReference, referenceCases } from './fixtures/reference-cases.js'
import { byolRegression } from './index.js'

const anyLoss = () => tf.tidy(() => void byolRegression(tf.ones([2, 2]), tf.ones([2, 2])))
const x = () => tf.tensor2d([1, 4, 3, 2], [2, 2])
const weights = () => tf.tensor2d([1, 2, 3, 4], [2, 2])
const weighed = (y: tf.Tensor) => tf.sum(tf.mul(tf.reshape(y, [2, 2]), weights()))

/**
 * Operations whose gradient is wrong or not supported in TensorFlow.js 4.22, with a gradient worked out by hand: the sum
 * of the weights 1, 2, 3, 4 of the outputs that depend on an input.
 */
const corrected: readonly (readonly [string, (x: tf.Tensor) => tf.Tensor, () => tf.Tensor, number[]])[] = [
  ['maximum of a row', (row) => weighed(tf.maximum(x(), row)), () => tf.tensor1d([2, 3]), [1, 4]],
  ['minimum of a row', (row) => weighed(tf.minimum(x(), row)), () => tf.tensor1d([2, 3]), [3, 2]],
  [
    'squared difference of a row',
    (row) => weighed(tf.squaredDifference(x(), row)),
    () => tf.tensor1d([2, 3]),
    [-4, 4],
  ],
  [
    'one matrix for a batch',
    (a) => tf.sum(tf.matMul(a, tf.tensor3d([1, 2, 3, 4], [2, 2, 1]))),
    () => tf.ones([1, 1, 2]),
    [4, 6],
  ],
  ['running sum of columns', (y) => weighed(tf.cumsum(y, 0)), () => tf.ones([2, 2]), [4, 6, 3, 4]],
  [
    'repetition of five axes',
    (y) => weighed(tf.tile(y, [2, 1, 1, 1, 1])),
    () => tf.ones([1, 1, 1, 1, 2]),
    [4, 6],
  ],
]

/** The gradient, or undefined if TensorFlow.js throws. */
function gradientOf(f: (x: tf.Tensor) => tf.Tensor, at: () => tf.Tensor): number[] | undefined {
  try {
    return tf.tidy(() => [...tf.grad(f)(at()).dataSync()])
  } catch {
    return undefined
  }
}

describe('on the cpu backend', () => {
  beforeAll(async () => {
    await tf.setBackend('cpu')
  })

  // This test must run first, before any loss is computed: importing the package changes nothing.
  test('TensorFlow.js has different gradients until the first loss', () => {
    const alone = corrected.map(([, f, at]) => gradientOf(f, at))
    for (const [i, [name, , , wanted]] of corrected.entries()) expect(alone[i], name).not.toEqual(wanted)
    anyLoss()
    for (const [name, f, at, wanted] of corrected) expect(gradientOf(f, at), name).toEqual(wanted)
  })

  test('the next loss replaces gradients of a package that is loaded later', () => {
    const ours = tf.getGradient('Maximum')
    tf.unregisterGradient('Maximum')
    tf.registerGradient({ ...ours, gradFunc: () => ({ a: () => tf.scalar(0), b: () => tf.scalar(0) }) })
    anyLoss()
    expect(tf.getGradient('Maximum')).toBe(ours)
  })
})

describe.each(['cpu', 'wasm'])('on the %s backend, equal to the reference code', (backend) => {
  beforeAll(async () => {
    expect(await tf.setBackend(backend)).toBe(true)
  })

  test.each(referenceCases)('%s', (_, reference) => expectReference(reference))
})
