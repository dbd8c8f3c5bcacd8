import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { prepareEngine, testEngines } from '../../../tooling/vitest/engines.js'
import { andWebgpu } from '../../../tooling/vitest/webgpu.js'
import { logSumExpOfPairs, logSumExpOfProducts, ntXentOfViews } from './index.js'
import { splitRows } from './info-nce-blocks.js'

const numbers = (count: number, phase: number) =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(i * 12.9898 + phase) * 1.3)
const matrix = (rows: number, features: number, phase = 0) =>
  tf.tensor2d(numbers(rows * features, phase), [rows, features])

/** log(sum_j exp(q_i . k_j)) in double precision, with the gradient of its sum weighted by dy. */
function expectation(q: tf.Tensor2D, k: tf.Tensor2D, dy: readonly number[], excludeSelf: boolean) {
  const [queries, keys] = [q.arraySync(), k.arraySync()]
  const ofQueries = queries.map((row) => row.map(() => 0))
  const ofKeys = keys.map((row) => row.map(() => 0))
  const value = queries.map((query, i) => {
    const logits = keys.map((key, j) =>
      excludeSelf && i === j ? -Infinity : query.reduce((sum, x, f) => sum + x * key[f]!, 0),
    )
    const most = logits.reduce((most, logit) => Math.max(most, logit))
    const logSum = most + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0))
    logits.forEach((logit, j) => {
      const p = dy[i]! * Math.exp(logit - logSum)
      query.forEach((x, f) => {
        ofQueries[i]![f]! += p * keys[j]![f]!
        ofKeys[j]![f]! += p * x
      })
    })
    return logSum
  })
  return { value, ofQueries: ofQueries.flat(), ofKeys: ofKeys.flat() }
}

function expectClose(got: ArrayLike<number>, wanted: readonly number[], tolerance = 5e-5) {
  expect(got.length).toBe(wanted.length)
  const scale = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const worst = wanted.reduce((most, value, i) => Math.max(most, Math.abs(got[i]! - value)), 0)
  expect(worst).toBeLessThan(tolerance * scale)
}

test('splitRows splits evenly and covers all rows', () => {
  expect(splitRows(5, 2)).toEqual([
    { start: 0, end: 2 },
    { start: 2, end: 4 },
    { start: 4, end: 5 },
  ])
  expect(splitRows(1025).map(({ start, end }) => end - start)).toEqual([513, 512])
  expect(splitRows(16 * 1024)).toHaveLength(16)
  expect(splitRows(32 * 1024)).toHaveLength(16)
  expect(splitRows(256 * 1024)).toHaveLength(64) // the largest tiles have 64 MiB
})

const engines = await andWebgpu(testEngines())

describe.each(engines)('on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })

  // Programs compile slowly on software adapters, once for each shape.
  const webgpu = engine === 'webgpu'
  // 1,030 rows are two blocks, whose tiles are kept; 2,100 are three, whose tiles are recomputed.
  const pairs: [number, number, number | undefined][] = webgpu
    ? [[257, 3, undefined]]
    : [
        [7, 5, 40],
        [1030, 3, 40],
        [1030, 3, undefined],
        [2100, 2, 40],
      ]
  test.each(pairs)('logSumExpOfPairs of %d rows, %d features, bound %s', (rows, features, bound) => {
    const z = matrix(rows, features)
    const dy = tf.tensor1d(numbers(rows, 5))
    const wanted = expectation(z, z, [...dy.dataSync()], true)
    const value = logSumExpOfPairs(z, { bound })
    expectClose(value.dataSync(), wanted.value)
    const gradient = tf.grad((z: tf.Tensor) => logSumExpOfPairs(z as tf.Tensor2D, { bound }))(z, dy)
    expectClose(
      gradient.dataSync(),
      wanted.ofQueries.map((x, i) => x + wanted.ofKeys[i]!),
    )
    tf.dispose([z, dy, value, gradient])
  })

  const products: [number, number, number, number | undefined][] = webgpu
    ? [
        [3, 257, 8, undefined],
        [6, 1, 1, undefined],
      ]
    : [
        [6, 9, 4, undefined],
        [6, 9, 4, 40],
        [1030, 1100, 3, undefined],
        [1030, 1100, 3, 40],
        [40, 30_000, 1, 40],
      ]
  test.each(products)(
    'logSumExpOfProducts of %d queries, %d keys, %d features, bound %s',
    (queries, keys, features, bound) => {
      const q = matrix(queries, features)
      const k = matrix(keys, features, 2)
      const dy = tf.tensor1d(numbers(queries, 5))
      const wanted = expectation(q, k, [...dy.dataSync()], false)
      const [ofQueries, ofKeys] = tf.grads((q: tf.Tensor, k: tf.Tensor) =>
        logSumExpOfProducts(q as tf.Tensor2D, k as tf.Tensor2D, { bound }),
      )([q, k], dy)
      expectClose(logSumExpOfProducts(q, k, { bound }).dataSync(), wanted.value)
      expectClose(ofQueries!.dataSync(), wanted.ofQueries)
      expectClose(ofKeys!.dataSync(), wanted.ofKeys)
      const constant = tf.grad((q: tf.Tensor) =>
        logSumExpOfProducts(q as tf.Tensor2D, k, { bound, constantKeys: true }),
      )(q, dy)
      expectClose(constant.dataSync(), wanted.ofQueries)
    },
  )

  test('large products without a bound neither overflow nor underflow', () => {
    const q = tf.tensor2d([100, -100], [2, 1])
    const k = tf.tensor2d([3, -3, 1], [3, 1])
    expectClose(logSumExpOfProducts(q, k).dataSync(), [300, 300])
    const z = tf.tensor2d([20, -20, 20.5], [3, 1])
    expectClose(logSumExpOfPairs(z).dataSync(), [410, -400, 410])
  })

  // At 0.5 a view's product with itself is subtracted, at 0.2 it is masked.
  const [batch, features] = webgpu ? [33, 8] : [700, 6]
  test.each(webgpu ? [0.2] : [0.5, 0.2])(
    'ntXentOfViews at temperature %d, as logSumExpOfPairs less the positives',
    (temperature) => {
      const [z1, z2] = [matrix(batch, features, 1), matrix(batch, features, 4)]
      const normalised = (z: tf.Tensor) => tf.div(z, tf.norm(z, 2, 1, true)) as tf.Tensor2D
      const plain = tf.tidy(() => {
        const [u1, u2] = [normalised(z1), normalised(z2)]
        const denominators = logSumExpOfPairs(
          tf.mul(tf.concat([u1, u2]), Math.sqrt(1 / temperature)) as tf.Tensor2D,
        )
        return tf.sub(tf.mean(denominators), tf.div(tf.mean(tf.sum(tf.mul(u1, u2), 1)), temperature))
      })
      const loss = (z1: tf.Tensor, z2: tf.Tensor) =>
        ntXentOfViews(z1 as tf.Tensor2D, z2 as tf.Tensor2D, temperature)
      expect(loss(z1, z2).dataSync()[0]).toBeCloseTo(plain.dataSync()[0]!, 4)
      // A step along the gradient changes the loss by its squared length.
      const gradients = tf.grads(loss)([z1, z2], tf.scalar(1))
      const squaredLength = tf.tidy(() =>
        tf.add(tf.sum(tf.square(gradients[0]!)), tf.sum(tf.square(gradients[1]!))).dataSync(),
      )[0]!
      const step = 0.02 / squaredLength
      const at = (sign: number) =>
        tf.tidy(() =>
          loss(
            tf.add(z1, tf.mul(gradients[0]!, (sign * step) / 2)),
            tf.add(z2, tf.mul(gradients[1]!, (sign * step) / 2)),
          ).dataSync(),
        )[0]!
      expect((at(1) - at(-1)) / step / squaredLength).toBeCloseTo(1, 2)
    },
  )

  test('the whole matrix is never in memory', async () => {
    const z = matrix(2600, 4)
    const dy = tf.ones([2600])
    const losses = [
      (z: tf.Tensor) => logSumExpOfPairs(z as tf.Tensor2D, { bound: 30 }),
      (z: tf.Tensor) => logSumExpOfProducts(z as tf.Tensor2D, z as tf.Tensor2D),
    ]
    for (const loss of webgpu ? losses.slice(0, 1) : losses) {
      const before = tf.memory().numBytes
      const { peakBytes } = await tf.profile(() => tf.grad(loss)(z, dy))
      expect(peakBytes - before).toBeLessThan(2600 * 2600 * 4 * 0.75)
    }
  })

  test('leak no tensors', () => {
    const z = matrix(webgpu ? 257 : 1500, 4)
    const dy = tf.ones([z.shape[0]])
    const before = tf.memory().numTensors
    tf.dispose(logSumExpOfPairs(z, { bound: 30 }))
    tf.dispose(logSumExpOfPairs(z))
    tf.dispose(logSumExpOfProducts(z, z))
    tf.dispose(ntXentOfViews(z, z, 0.5))
    tf.dispose(tf.grad((z: tf.Tensor) => logSumExpOfPairs(z as tf.Tensor2D, { bound: 30 }))(z, dy))
    tf.dispose(tf.grad((z: tf.Tensor) => logSumExpOfProducts(z as tf.Tensor2D, z as tf.Tensor2D))(z, dy))
    expect(tf.memory().numTensors).toBe(before)
  })

  test('reject shapes that do not fit', () => {
    const z = matrix(4, 3)
    expect(() => logSumExpOfProducts(z, matrix(4, 2))).toThrow('same number of features; got [4,3] and [4,2]')
    expect(() => logSumExpOfProducts(z, matrix(3, 3), { excludeSelf: true })).toThrow('must be the same rows')
    expect(() => logSumExpOfPairs(matrix(1, 3))).toThrow('at least 2 rows; got [1,3]')
    expect(() => ntXentOfViews(z, matrix(3, 3), 0.5)).toThrow('z1 and z2 must have the same shape')
    expect(() => ntXentOfViews(z, z, 0.01)).toThrow('at least 0.025; got 0.01')
  })
})
