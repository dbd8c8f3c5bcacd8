import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import type { Features } from './features.js'
import fixture from './fixtures/clustering.json' with { type: 'json' }
import { recallAtK } from './recall-at-k.js'

const features = (values: readonly number[], labels: readonly number[]): Features => ({
  values: Float32Array.from(values),
  count: labels.length,
  width: values.length / labels.length,
  labels: Int32Array.from(labels),
  indices: Int32Array.from(labels.keys()),
})

describe.each(testEngines())('recallAtK on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })

  // The fixture is made by fixtures/clustering.py with scikit-learn's NearestNeighbors.
  test.each([
    ['cosine', 512],
    ['cosine', 7],
    ['euclidean', 64],
  ] as const)('equals scikit-learn’s neighbours, %s, %i queries per block', async (metric, queryBlock) => {
    const before = tf.memory().numTensors
    const got = await recallAtK(features(fixture.features, fixture.labels), {
      normalise: metric === 'cosine',
      queryBlock,
    })
    for (const [k, wanted] of Object.entries(fixture.recall[metric]))
      expect(got[Number(k)]).toBeCloseTo(wanted, 6)
    expect(tf.memory().numTensors).toBe(before)
  })

  test('images without a class are left out; images alone in their class count as missed', async () => {
    const lines = features([1, 0, 0.99, 0.1, 0.9, 0.3, 0, 1], [0, -1, 0, 1])
    expect(await recallAtK(lines, { k: [1, 4] })).toEqual({ 1: 2 / 3, 4: 2 / 3 })
  })

  test('throws for too few images with a class, and for an invalid k', async () => {
    const one = features([1, 0], [0, -1])
    await expect(recallAtK(one)).rejects.toThrow('at least two images must have a class; 1 have one')
    await expect(recallAtK(features([1, 0], [0, 0]), { k: [0] })).rejects.toThrow('got 0')
  })
})
