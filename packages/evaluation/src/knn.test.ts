import { uniforms } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import type { Features } from './features.js'
import { knn } from './knn.js'

function features(rows: number[][], labels: number[]): Features {
  return {
    values: Float32Array.from(rows.flat()),
    count: rows.length,
    width: rows[0]!.length,
    labels: Int32Array.from(labels),
    indices: Int32Array.from(labels.keys()),
  }
}

function drawn(seed: number, count: number, width: number, classes: number): Features {
  const values = uniforms([seed, 0], count * width)
  const rows = Array.from({ length: count }, (_, row) =>
    [...values.subarray(row * width, (row + 1) * width)].map((v) => v - 0.5),
  )
  return features(
    rows,
    [...uniforms([seed, 1], count)].map((u) => Math.floor(u * classes)),
  )
}

/** The definition, one pair at a time in double precision. */
function slowKnn(train: Features, test: Features, k: number, temperature: number): number[] {
  const row = ({ values, width }: Features, i: number) => values.subarray(i * width, (i + 1) * width)
  const cosine = (a: Float32Array, b: Float32Array) =>
    a.reduce((sum, v, i) => sum + v * b[i]!, 0) / Math.hypot(...a) / Math.hypot(...b)
  return [...test.labels.keys()].map((q) => {
    const near = [...train.labels]
      .map((label, i) => ({ label, similarity: cosine(row(test, q), row(train, i)) }))
      .sort((a, b) => b.similarity - a.similarity)
      .slice(0, k)
    const votes = new Map<number, number>()
    for (const { label, similarity } of near)
      votes.set(label, (votes.get(label) ?? 0) + Math.exp(similarity / temperature))
    return [...votes].sort((a, b) => b[1] - a[1])[0]![0]
  })
}

describe.each(testEngines())('knn on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })

  test('near neighbours have more weight: one close vote beats two distant ones', async () => {
    const train = features(
      [
        [1, 0],
        [0.6, 0.8],
        [0.6, -0.8],
      ],
      [0, 1, 1],
    )
    const test_ = features([[2, 0]], [0])
    // exp(1/0.07) against 2 exp(0.6/0.07): the near one wins; at temperature 10 the two others win.
    expect((await knn(train, test_, { k: 3 })).accuracy).toBe(1)
    expect((await knn(train, test_, { k: 3, temperature: 10 })).accuracy).toBe(0)
  })

  test.each([
    { queryBlock: 7, trainBlock: 13 },
    { queryBlock: 7, trainBlock: 13, deviceBytes: 4 * 8 * 30 },
    { queryBlock: 40, trainBlock: 100, deviceBytes: 0 },
    { queryBlock: 512, trainBlock: 16_384 },
  ])('equals the definition in blocks of %o', async (blocks) => {
    const train = drawn(1, 150, 8, 5)
    const test_ = drawn(2, 40, 8, 5)
    const before = tf.memory().numTensors
    const { predictions } = await knn(train, test_, { k: 20, ...blocks })
    expect([...predictions]).toEqual(slowKnn(train, test_, 20, 0.07))
    expect(tf.memory().numTensors).toBe(before)
  })

  test('images without a class neither vote nor are counted', async () => {
    const train = features(
      [
        [1, 0],
        [0.9, 0.1],
        [0, 1],
      ],
      [-1, 0, 1],
    )
    const test_ = features(
      [
        [1, 0],
        [0, 1],
      ],
      [0, -1],
    )
    expect(await knn(train, test_)).toMatchObject({ accuracy: 1, count: 1, predictions: Int32Array.of(0, 1) })
  })

  test('throws for missing classes and different widths', async () => {
    const one = features([[1, 0]], [0])
    await expect(knn(features([[1, 0]], [-1]), one)).rejects.toThrow('no training image has a class')
    await expect(knn(one, features([[1]], [0]))).rejects.toThrow('train has 2 features per image, test 1')
    await expect(knn(one, features([[1, 0]], [-1]))).rejects.toThrow('no test image has a class')
  })
})
