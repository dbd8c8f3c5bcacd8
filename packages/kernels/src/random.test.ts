import { derive, normals, type Seed, uniforms } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { prepareEngine, testEngines } from '../../../tooling/vitest/engines.js'
import { andWebgpu } from '../../../tooling/vitest/webgpu.js'
import { foldIn, randomNormal, randomOrders, randomUniform } from './random.js'

const engines = await andWebgpu([...testEngines(), 'cpu'] as const)

describe.each(engines)('random numbers on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
    if (engine === 'webgpu') tf.env().set('WEBGPU_CPU_FORWARD', false) // or the host draws
  })
  afterAll(() => {
    if (engine === 'webgpu') tf.env().set('WEBGPU_CPU_FORWARD', true)
  })
  const seed = () => tf.tensor1d([1, 2], 'int32')

  test('uniform numbers equal those of TensorFlow and of the host, bit for bit', () => {
    const values = tf.tidy(() => randomUniform([3, 3], seed()).dataSync())
    expect([...values.subarray(0, 3)]).toEqual([0.8440604209899902, 0.19204533100128174, 0.9962232112884521])
    const many = tf.tidy(() => randomUniform([1001], tf.tensor1d([-5, 123456789], 'int32')).dataSync())
    expect([...many]).toEqual([...uniforms([-5, 123456789], 1001)])
  })

  // tf.raw_ops.StatelessRandomNormal(shape=[6], seed=[1, 2]) of TensorFlow 2.21
  test('normal numbers equal those of TensorFlow', () => {
    const values = tf.tidy(() => randomNormal([6], seed()).dataSync())
    const published = [
      0.544110119342804, 0.20738030970096588, 0.0735643208026886, 0.04643455147743225, -1.301589846611023,
      -0.9538565278053284,
    ]
    values.forEach((value, i) => {
      expect(value).toBeCloseTo(published[i]!, 5)
    })
  })

  test('have the given range, mean and standard deviation', () => {
    tf.tidy(() => {
      const values = randomUniform([5000], seed(), { min: -2, max: 4 }).dataSync()
      expect(Math.min(...values)).toBeGreaterThanOrEqual(-2)
      expect(Math.max(...values)).toBeLessThan(4)
      const { mean, variance } = tf.moments(randomNormal([20_000], seed(), { mean: 3, stdDev: 2 }))
      expect(mean.dataSync()[0]).toBeCloseTo(3, 1)
      expect(variance.dataSync()[0]).toBeCloseTo(4, 0)
    })
  })

  test('foldIn equals derive, to any depth, and gives different numbers', () => {
    tf.tidy(() => {
      let [folded, derived]: [tf.Tensor1D, Seed] = [
        tf.tensor1d([-5, 2 ** 31 - 1], 'int32'),
        [-5, 2 ** 31 - 1],
      ]
      for (const stream of [0, 1, 7, 1000, -3, 2 ** 31 - 1, 0]) {
        folded = foldIn(folded, stream)
        derived = derive(derived, stream)
        expect([...folded.dataSync()]).toEqual([...derived])
      }
      const a = randomUniform([100], foldIn(seed(), 1)).dataSync()
      const b = randomUniform([100], foldIn(seed(), 2)).dataSync()
      expect(a.filter((value, i) => value === b[i])).toHaveLength(0)
    })
  })

  test('a stream of a stream differs from all other streams', () => {
    tf.tidy(() => {
      const words = (...streams: number[]) => [...streams.reduce(foldIn, seed()).dataSync()]
      expect(words(1, 2)).not.toEqual(words(3))
      expect(words(1, 2)).not.toEqual(words(2, 1))
      expect(words(0)).not.toEqual(words())
    })
  })

  test('a compiled step folds the seed of each call', async () => {
    const { compile } = await prepareEngine({ engine })
    const step = compile((seed: tf.Tensor1D) => foldIn(foldIn(seed, 5), 6))
    for (const words of [
      [1, 2],
      [3, -4],
    ] as const) {
      const given = tf.tensor1d([...words], 'int32')
      const folded = step(given)
      expect([...folded.dataSync()]).toEqual([...derive(derive(words, 5), 6)])
      tf.dispose([given, folded])
    }
    step.dispose()
  })

  test('are the same with XLA', async () => {
    const { compile } = await prepareEngine({ engine })
    const step = compile((seed: tf.Tensor1D) => [randomUniform([5, 201], seed), randomNormal([33], seed)], {
      xla: true,
    })
    for (const words of [
      [1, 2],
      [-5, 123456789],
      [6, -7],
      [-1, -2147483648],
    ] as const) {
      const given = tf.tensor1d([...words], 'int32')
      const [uniform, normal] = step(given) as [tf.Tensor, tf.Tensor]
      expect([...uniform.dataSync()]).toEqual([...uniforms(words, 1005)])
      const host = normals(words, 33)
      normal.dataSync().forEach((value, i) => {
        expect(value).toBeCloseTo(host[i]!, 5)
      })
      tf.dispose([given, uniform, normal])
    }
    step.dispose()
  })

  test('randomOrders contains each number once per row, and all 6 orders of 3 about equally often', () => {
    const orders = tf.tidy(() => randomOrders(3000, 3, seed()).arraySync())
    const counts = new Map<string, number>()
    for (const order of orders) counts.set(order.join(''), (counts.get(order.join('')) ?? 0) + 1)
    expect([...counts.keys()].sort()).toEqual(['012', '021', '102', '120', '201', '210'])
    for (const count of counts.values()) expect(Math.abs(count - 500)).toBeLessThan(100)
  })

  test('leaks no tensors and rejects a wrong seed', () => {
    const s = seed()
    const before = tf.memory().numTensors
    const made = [
      randomUniform([2], s),
      randomUniform([2], s, { max: 3 }),
      randomNormal([2], s),
      foldIn(s, 3),
    ]
    expect(tf.memory().numTensors).toBe(before + made.length)
    tf.dispose(made)
    expect(() => randomUniform([2], tf.tensor1d([1, 2]))).toThrow('seed must be int32 [2]; got float32 [2]')
    s.dispose()
  })
})
