import { readFileSync } from 'node:fs'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { adjustedRandIndex } from './adjusted-rand.js'
import { alignment, uniformity } from './alignment-uniformity.js'
import { collapseSignals } from './collapse.js'
import { decisionTree } from './decision-tree.js'
import { effectiveRank } from './effective-rank.js'
import type { Features } from './features.js'
import lidarCases from './fixtures/lidar.json' with { type: 'json' }
import { kMeans } from './k-means.js'
import { knn } from './knn.js'
import { lidar } from './lidar.js'
import { linearProbe } from './linear-probe.js'
import { meanAveragePrecision } from './mean-average-precision.js'
import { normalisedMutualInformation } from './mutual-information.js'
import { naiveBayes } from './naive-bayes.js'
import { nearestCentroid } from './nearest-centroid.js'
import { recallAtK } from './recall-at-k.js'
import { ridge } from './ridge.js'
import { silhouette } from './silhouette.js'
import { fitLogistic } from './small-logistic.js'
import { symmetricEigenvalues } from './symmetric-eigenvalues.js'

const fixture = JSON.parse(readFileSync(new URL('./fixtures/metrics.json', import.meta.url), 'utf8'))
const { width, expected } = fixture

function features({ values, labels }: { values: number[]; labels: number[] }): Features {
  const count = labels.length
  return {
    values: Float32Array.from(values),
    count,
    width,
    labels: Int32Array.from(labels),
    indices: Int32Array.from(labels.keys()),
  }
}

const train = features(fixture.train)
const asked = features(fixture.test)

describe('equal to scikit-learn', () => {
  test.each([
    ['nearestCentroid', nearestCentroid(train, asked)],
    ['naiveBayes', naiveBayes(train, asked)],
    ['shallowTree', decisionTree(train, asked, { maxDepth: 3, minLeaf: 5 })],
  ])('%s predicts the same classes', (name, { predictions, accuracy }) => {
    expect([...predictions]).toEqual(expected[name])
    const right = expected[name].filter((label: number, i: number) => label === asked.labels[i]).length
    expect(accuracy).toBe(right / asked.count)
  })

  test('decisionTree with pure leaves agrees except where several splits are equally good', () => {
    const { predictions } = decisionTree(train, asked)
    const differing = predictions.filter((label, i) => label !== expected.decisionTree[i])
    expect(differing.length).toBeLessThanOrEqual(9)
    expect(decisionTree(train, train).accuracy).toBe(1)
  })

  test('adjustedRandIndex and normalisedMutualInformation', () => {
    expect(adjustedRandIndex(asked.labels, fixture.clusters)).toBeCloseTo(expected.adjustedRandIndex, 12)
    expect(normalisedMutualInformation(asked.labels, fixture.clusters)).toBeCloseTo(
      expected.normalisedMutualInformation,
      12,
    )
  })

  test('logistic regression on few examples', async () => {
    const { rows, probabilities } = expected.logistic
    const unit = Array.from({ length: asked.count }, (_, row) => {
      const own = [...asked.values.subarray(row * width, (row + 1) * width)]
      const length = Math.hypot(...own)
      return own.map((value) => value / length)
    })
    const { weights, bias } = await fitLogistic(
      Float64Array.from(rows.flatMap((row: number) => unit[row]!)),
      Int32Array.from(rows, (row: number) => asked.labels[row]!),
      { width, classes: 4, l2: 1 / rows.length },
    )
    for (const [row, own] of unit.entries()) {
      const scores = [...bias].map((b, c) =>
        Math.exp(own.reduce((sum, value, f) => sum + value * weights[c * width + f]!, b)),
      )
      const total = scores.reduce((a, b) => a + b, 0)
      for (const [c, score] of scores.entries()) expect(score / total).toBeCloseTo(probabilities[row][c], 3)
    }
  })
})

describe.each(testEngines())('equal to scikit-learn and numpy on %s', (engine) => {
  beforeAll(() => prepareEngine({ engine }))

  test('silhouette, mAP, uniformity, effective rank; no tensors are leaked', async () => {
    const before = tf.memory().numTensors
    expect(await silhouette(asked, { block: 25 })).toBeCloseTo(expected.silhouette, 5)
    expect(await meanAveragePrecision(asked, { queryBlock: 25 })).toBeCloseTo(
      expected.meanAveragePrecision,
      5,
    )
    expect(await uniformity(asked, { block: 25 })).toBeCloseTo(expected.uniformity, 5)
    expect(await effectiveRank(asked)).toBeCloseTo(expected.effectiveRank, 3)
    expect(tf.memory().numTensors).toBe(before)
  })

  test.each(lidarCases)('LiDAR: $name', async ({ views, width, values, lidar: wanted }) => {
    const features = { values: Float32Array.from(values), count: values.length / width, width }
    const before = tf.memory().numTensors
    const found = await lidar(features, { views })
    expect(Math.abs(found / wanted - 1)).toBeLessThan(1e-4)
    expect(tf.memory().numTensors).toBe(before)
  })

  test('ridge', async () => {
    const values = { train: fixture.train.targets, test: fixture.test.targets }
    const before = tf.memory().numTensors
    const found = await ridge(train, asked, values, { alphas: [10] })
    expect(tf.memory().numTensors).toBe(before)
    for (const [i, predicted] of found.predictions.entries())
      expect(predicted).toBeCloseTo(expected.ridge.predictions[i], 4)
    expect(found.r2).toBeCloseTo(expected.ridge.r2, 5)
    expect(found.meanAbsoluteError).toBeCloseTo(expected.ridge.meanAbsoluteError, 4)
  })

  test('ridge leaves out images without a value, and chooses its penalty', async () => {
    const some = Float64Array.from(fixture.train.targets as number[], (value, i) =>
      i % 3 ? value : Number.NaN,
    )
    const found = await ridge(train, asked, { train: some, test: fixture.test.targets })
    expect(found.r2).toBeGreaterThan(0.8)
    expect(found.count).toBe(asked.count)
    await expect(ridge(train, asked, { train: [1], test: [] })).rejects.toThrow(
      'one value per training image (NaN if it has none); got 1 for 120',
    )
  })
})

describe('known values', () => {
  const rows = (values: number[], width: number) => ({
    values: Float32Array.from(values),
    count: values.length / width,
    width,
  })

  test('alignment of opposite points is 4, of equal directions 0, independent of their lengths', () => {
    expect(alignment(rows([1, 0], 2), rows([-3, 0], 2))).toBeCloseTo(4, 6)
    expect(alignment(rows([1, 1], 2), rows([5, 5], 2))).toBeCloseTo(0, 6)
    expect(alignment(rows([1, 0], 2), rows([0, 2], 2), { alpha: 1 })).toBeCloseTo(Math.SQRT2, 6)
    expect(() => alignment(rows([1, 0], 2), rows([1], 1))).toThrow('got [1,2] and [1,1]')
  })

  test('collapse signals of two opposite unit vectors and of two equal ones', () => {
    expect(collapseSignals(rows([1, 0, -1, 0], 2))).toEqual({
      spread: 1 / Math.SQRT2,
      deadFeatures: 0.5,
      meanCosine: -1,
    })
    expect(collapseSignals(rows([0.6, 0.8, 0.6, 0.8], 2))).toMatchObject({ deadFeatures: 1 })
    expect(collapseSignals(rows([0.6, 0.8, 0.6, 0.8], 2)).spread).toBeCloseTo(0, 6)
    expect(collapseSignals(rows([0.6, 0.8, 0.6, 0.8], 2)).meanCosine).toBeCloseTo(1, 6)
  })

  test('eigenvalues of the second difference matrix are 2 - 2 cos(k pi / (n + 1))', () => {
    const n = 9
    const matrix = Float64Array.from({ length: n * n }, (_, i) => {
      const apart = Math.abs(Math.floor(i / n) - (i % n))
      return apart === 0 ? 2 : apart === 1 ? -1 : 0
    })
    const wanted = Array.from({ length: n }, (_, k) => 2 - 2 * Math.cos(((k + 1) * Math.PI) / (n + 1)))
    for (const [k, value] of symmetricEigenvalues(matrix, n).sort().entries())
      expect(value).toBeCloseTo(wanted[k]!, 12)
  })

  test('eigenvalues of a full matrix: trace and sum of squares', () => {
    const n = 30
    const full = new Float64Array(n * n)
    for (let i = 0; i < n; i++)
      for (let j = 0; j <= i; j++) full[i * n + j] = full[j * n + i] = Math.sin(i * j + i + j)
    const trace = Array.from({ length: n }, (_, i) => full[i * n + i]!).reduce((a, b) => a + b)
    const squares = full.reduce((sum, value) => sum + value * value, 0)
    const values = [...symmetricEigenvalues(full, n)]
    expect(values.reduce((a, b) => a + b)).toBeCloseTo(trace, 10)
    expect(values.reduce((a, b) => a + b * b, 0)).toBeCloseTo(squares, 9)
  })
})

describe('bad input', () => {
  const broken = { ...asked, values: asked.values.map((value, i) => (i === 8 ? Number.NaN : value)) }
  const unlabelled = { ...asked, labels: asked.labels.map(() => -1) }
  test.each([
    ['a NaN', () => nearestCentroid(train, broken), 'feature 2 of image 1 is NaN'],
    [
      'one class',
      () => naiveBayes({ ...train, labels: train.labels.map(() => 0) }, asked),
      'fewer than two classes',
    ],
    ['no test class', () => decisionTree(train, unlabelled), 'no test image has a class'],
    [
      'different widths',
      () => nearestCentroid(train, { ...asked, width: 3 }),
      'train has 6 features per image, test 3',
    ],
    ['different lengths', () => adjustedRandIndex([0], [0, 1]), 'got 1 and 2'],
  ])('%s', (_, call, message) => {
    expect(call).toThrow(message)
  })

  test.each([
    ['silhouette of one class', () => silhouette({ ...asked, labels: asked.labels.map(() => 0) }), 'got 1'],
    [
      'mAP of classes with one image each',
      () => meanAveragePrecision({ ...asked, labels: asked.labels.map((_, i) => i) }),
      'no class has two images',
    ],
    ['kNN of NaN', () => knn(train, broken), 'knn: feature 2 of image 1 is NaN'],
    ['linear probe of NaN', () => linearProbe(broken, asked), 'linearProbe: feature 2 of image 1 is NaN'],
    ['k-means of NaN', () => kMeans(broken, { clusters: 2 }), 'kMeans: feature 2'],
    ['recall of NaN', () => recallAtK(broken), 'recallAtK: feature 2'],
    ['LiDAR of NaN', () => lidar(broken, { views: 2 }), 'features must be finite numbers'],
    ['LiDAR of one view', () => lidar(asked, { views: 1 }), 'at least 2 views of each of at least 2 images'],
    ['LiDAR of incomplete views', () => lidar(asked, { views: 7 }), 'got 60 rows and 7 views'],
    ['rank of NaN', () => effectiveRank(broken), 'features must be finite numbers'],
  ])('%s', async (_, call, message) => {
    await expect(call()).rejects.toThrow(message)
  })
})
