import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import fixture from './fixtures/clustering.json' with { type: 'json' }
import { kMeans } from './k-means.js'
import { miniBatchKMeans } from './mini-batch-k-means.js'

const values = Float32Array.from(fixture.features)
const { width, clusters } = fixture
const points = { values, width, count: values.length / width }

describe.each(testEngines())('kMeans on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })

  // The fixture is made by fixtures/clustering.py with scikit-learn's KMeans.
  test.each([16_384, 13])(
    'converges to scikit-learn’s result from the same centres, in blocks of %i points',
    async (block) => {
      const before = tf.memory().numTensors
      const initial = values.slice(0, clusters * width)
      const { assignments, inertia } = await kMeans(points, { clusters, initial, block })
      expect([...assignments]).toEqual(fixture.assignments)
      expect(inertia).toBeCloseTo(fixture.inertia, 3)
      expect(tf.memory().numTensors).toBe(before)
    },
  )

  test('the best of several restarts is close to scikit-learn’s best of 200, and deterministic', async () => {
    const { inertia, centres } = await kMeans(points, { clusters, restarts: 20 })
    expect(inertia).toBeGreaterThan(fixture.bestInertia - 0.01)
    expect(inertia).toBeLessThan(1.01 * fixture.bestInertia)
    const again = await kMeans(points, { clusters, restarts: 20 })
    expect(again.centres).toEqual(centres)
  })

  test('mini-batch k-means is close to the best result, deterministic, and leaks no tensors', async () => {
    const labels = new Int32Array(points.count)
    const features = { ...points, labels, indices: labels }
    const before = tf.memory().numTensors
    const found = await miniBatchKMeans(features, { clusters, batchSize: 32, block: 50 })
    expect(tf.memory().numTensors).toBe(before)
    expect(found.inertia).toBeLessThan(1.15 * fixture.bestInertia)
    expect(found.assignments).toHaveLength(points.count)
    expect((await miniBatchKMeans(features, { clusters, batchSize: 32, block: 50 })).centres).toEqual(
      found.centres,
    )
    await expect(miniBatchKMeans(features, { clusters: 1 })).rejects.toThrow(
      'clusters must be a whole number from 2',
    )
  })

  test('initial centres are far apart: separate clusters are found without restarts', async () => {
    const heaps = Float32Array.from({ length: 60 }, (_, i) => 100 * (i % 6) + i / 60)
    for (const seed of [1, 2, 3]) {
      const { assignments } = await kMeans(
        { values: heaps, width: 1, count: 60 },
        { clusters: 6, seed, restarts: 1 },
      )
      expect(new Set(assignments.map((cluster, i) => 10 * cluster + (i % 6))).size).toBe(6)
    }
  })

  test('a cluster without points moves to the farthest point; equal points are accepted', async () => {
    const line = { values: Float32Array.of(0, 1, 2, 10), width: 1, count: 4 }
    const { assignments, inertia } = await kMeans(line, { clusters: 2, initial: Float32Array.of(1, 1000) })
    expect([...assignments]).toEqual([0, 0, 0, 1])
    expect(inertia).toBeCloseTo(2, 5)
    const same = { values: new Float32Array(5).fill(3), width: 1, count: 5 }
    expect((await kMeans(same, { clusters: 2 })).inertia).toBe(0)
  })

  test('throws for invalid options', async () => {
    await expect(kMeans(points, { clusters: 1 })).rejects.toThrow('whole number of at least 2; got 1')
    await expect(kMeans(points, { clusters: 151 })).rejects.toThrow('150 points cannot form 151 clusters')
    await expect(kMeans(points, { clusters: 2, initial: new Float32Array(3) })).rejects.toThrow(
      'initial must contain 2 centres of 4 numbers; got 3 numbers',
    )
    await expect(kMeans(points, { clusters: 2, restarts: 0 })).rejects.toThrow('got 0')
  })
})
