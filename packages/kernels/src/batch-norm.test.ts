import { normals } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { prepareEngine, testEngines } from '../../../tooling/vitest/engines.js'
import { batchNorm } from './batch-norm.js'

const epsilon = 1e-3

/** The paper's algorithm in double precision: y of one channel's values. */
function normalised(values: number[], gamma: number, beta: number): number[] {
  const mean = values.reduce((a, b) => a + b, 0) / values.length
  const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length
  return values.map((value) => (gamma * (value - mean)) / Math.sqrt(variance + epsilon) + beta)
}

const channel = (data: ArrayLike<number>, c: number) => Array.from(data).filter((_, i) => i % 3 === c)

describe.each([...testEngines(), 'cpu' as const])('batchNorm on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })
  const gamma = [1.5, -0.5, 1]
  const beta = [0.1, 0, -1]

  test.each([[[8, 3]], [[2, 4, 3]], [[2, 3, 2, 3]]])('for shape %j equals the paper’s algorithm', (shape) => {
    tf.tidy(() => {
      const data = normals([3, 4], tf.util.sizeFromShape(shape)).map((v, i) => v * (1 + (i % 3)) + (i % 3))
      const { y, mean, variance } = batchNorm(tf.tensor(data, shape), tf.tensor1d(gamma), tf.tensor1d(beta), {
        epsilon,
      })
      expect(y.shape).toEqual(shape)
      for (let c = 0; c < 3; c++) {
        const values = channel(data, c)
        const expected = normalised(values, gamma[c]!, beta[c]!)
        channel(y.dataSync(), c).forEach((value, i) => {
          expect(value).toBeCloseTo(expected[i]!, 4)
        })
        const average = values.reduce((a, b) => a + b, 0) / values.length
        expect(mean.dataSync()[c]).toBeCloseTo(average, 4)
        const unbiased = values.reduce((a, b) => a + (b - average) ** 2, 0) / (values.length - 1)
        expect(variance.dataSync()[c]).toBeCloseTo(unbiased, 3)
      }
    })
  })

  test('gradients equal finite differences of the algorithm in double precision', () => {
    const rows = 6
    const data = [...normals([8, 8], rows * 3)]
    const weights = [...normals([9, 9], rows * 3)]
    const objective = (x: number[], g: number[], b: number[]) =>
      [0, 1, 2].reduce(
        (sum, c) =>
          sum +
          normalised(channel(x, c), g[c]!, b[c]!).reduce((s, v, i) => s + v * channel(weights, c)[i]!, 0),
        0,
      )
    const difference = (f: (shifted: number[]) => number, at: number[]) =>
      at.map((_, i) => {
        const moved = (h: number) => f(at.map((v, j) => (j === i ? v + h : v)))
        return (moved(1e-5) - moved(-1e-5)) / 2e-5
      })
    const [dx, dGamma, dBeta] = tf.tidy(() => {
      const f = (x: tf.Tensor, g: tf.Tensor, b: tf.Tensor) =>
        tf.sum(
          tf.mul(
            batchNorm(x, g as tf.Tensor1D, b as tf.Tensor1D, { epsilon }).y,
            tf.tensor(weights, [rows, 3]),
          ),
        )
      return tf
        .grads(f as (...args: tf.Tensor[]) => tf.Tensor)([
          tf.tensor(data, [rows, 3]),
          tf.tensor(gamma),
          tf.tensor(beta),
        ])
        .map((gradient) => [...gradient.dataSync()])
    }) as [number[], number[], number[]]
    const close = (ours: number[], exact: number[]) => {
      ours.forEach((value, i) => {
        expect(value).toBeCloseTo(exact[i]!, 3)
      })
    }
    close(
      dx,
      difference((x) => objective(x, gamma, beta), data),
    )
    close(
      dGamma,
      difference((g) => objective(data, g, beta), gamma),
    )
    close(
      dBeta,
      difference((b) => objective(data, gamma, b), beta),
    )
  })

  test('rectify equals a ReLU afterwards, including gradients, also with means far from 0', () => {
    for (const far of [0, 1000]) {
      const [x, dy, scale, shift] = tf.tidy(() => [
        tf.add(tf.tensor(normals([3, 4], 4 * 5 * 5 * 3), [4, 5, 5, 3]), far),
        tf.tensor(normals([5, 6], 4 * 5 * 5 * 3), [4, 5, 5, 3]),
        tf.tensor1d(gamma),
        tf.tensor1d(beta),
      ]) as [tf.Tensor4D, tf.Tensor4D, tf.Tensor1D, tf.Tensor1D]
      tf.tidy(() => {
        const both = [true, false].map((rectify) => {
          const f = (a: tf.Tensor, g: tf.Tensor, b: tf.Tensor) => {
            const { y } = batchNorm(a as tf.Tensor4D, g as tf.Tensor1D, b as tf.Tensor1D, { rectify })
            return rectify ? y : tf.relu(y)
          }
          return [f(x, scale, shift), ...tf.grads(f)([x, scale, shift], dy)]
        })
        const [ours, composed] = both as [tf.Tensor[], tf.Tensor[]]
        for (const [i, tensor] of ours.entries()) {
          const most = tf.max(tf.abs(composed[i]!)).dataSync()[0]!
          const off = tf.max(tf.abs(tf.sub(tensor, composed[i]!))).dataSync()[0]!
          expect(off / most, `${i}, ${far}`).toBeLessThan(far ? 2e-2 : 1e-5)
        }
      })
      tf.dispose([x, dy, scale, shift])
    }
  })

  test('leaves three tensors and rejects inputs without variance', () => {
    const inputs = [tf.ones([4, 3]), tf.ones([3]), tf.zeros([3])] as [tf.Tensor2D, tf.Tensor1D, tf.Tensor1D]
    const before = tf.memory().numTensors
    const result = batchNorm(...inputs)
    expect(tf.memory().numTensors).toBe(before + 3)
    tf.dispose([result.y, result.mean, result.variance])
    expect(() => batchNorm(tf.ones([1, 3]), inputs[1], inputs[2])).toThrow(
      'one value per channel has no variance',
    )
    expect(() => batchNorm(tf.ones([4, 2]), inputs[1], inputs[2])).toThrow('must be [channels]')
    tf.dispose(inputs)
  })
})

describe.each(testEngines())('gradients that replace TensorFlow.js’s own on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })

  test.each([
    ['relu', (x: tf.Tensor) => tf.sum(tf.mul(tf.relu(x), tf.tensor([1, 2, 3, 4], [2, 2]))), [0, 2, 0, 4]],
    ['sum over an axis', (x: tf.Tensor) => tf.sum(tf.mul(tf.sum(x, 1), tf.tensor([5, 7]))), [5, 5, 7, 7]],
    [
      'mean over an axis',
      (x: tf.Tensor) => tf.sum(tf.mul(tf.mean(x, 0), tf.tensor([5, 7]))),
      [2.5, 3.5, 2.5, 3.5],
    ],
    ['mean over all', (x: tf.Tensor) => tf.mean(x), [0.25, 0.25, 0.25, 0.25]],
  ] as const)('%s', (_, f, expected) => {
    const gradient = tf.tidy(() =>
      tf
        .grad(f as (x: tf.Tensor) => tf.Tensor)(tf.tensor([-1, 2, -3, 4], [2, 2]))
        .dataSync(),
    )
    expect([...gradient]).toEqual(expected)
  })
})
