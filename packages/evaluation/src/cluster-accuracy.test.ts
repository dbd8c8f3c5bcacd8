import { uniforms } from '@selfsup/core'
import { describe, expect, test } from 'vitest'
import { clusterAccuracy } from './cluster-accuracy.js'
import fixture from './fixtures/cluster-accuracy.json' with { type: 'json' }

const accuracyOf = (clusters: readonly number[], labels: readonly number[]) =>
  clusterAccuracy(Int32Array.from(clusters), Int32Array.from(labels))

describe('worked out by hand', () => {
  test('the numbering of clusters does not matter', () => {
    const { accuracy, classes, count } = accuracyOf([2, 2, 0, 0, 1, 1], [0, 0, 1, 1, 2, 2])
    expect([accuracy, [...classes], count]).toEqual([1, [1, 2, 0], 6])
  })

  test('a class is assigned to the cluster that maximises the total, not to the one with most of its images', () => {
    // Cluster 0 has 3 images of class 0 and 2 of class 1, cluster 1 has 2 of class 0 and none of class 1.
    const { accuracy, classes } = accuracyOf([0, 0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 1, 0, 0])
    expect([accuracy, [...classes]]).toEqual([4 / 7, [1, 0]])
  })

  test('surplus clusters have no class, surplus classes no cluster', () => {
    const more = accuracyOf([0, 0, 1, 2], [0, 0, 0, 1])
    expect([more.accuracy, [...more.classes]]).toEqual([3 / 4, [0, -1, 1]])
    const fewer = accuracyOf([0, 0, 0], [0, 1, 1])
    expect([fewer.accuracy, [...fewer.classes]]).toEqual([2 / 3, [1]])
  })

  test('images without a class are not counted, clusters without images have no class', () => {
    const { accuracy, classes, count } = accuracyOf([3, 0, 0], [1, -1, 0])
    expect([accuracy, [...classes], count]).toEqual([1, [0, -1, -1, 1], 2])
  })
})

// The fixture is made by fixtures/make_cluster_accuracy.py with scipy's linear_sum_assignment.
test.each(fixture)(
  'equals scipy, $clusters clusters and $classes classes',
  ({ assigned, labels, accuracy }) => {
    expect(accuracyOf(assigned, labels).accuracy).toBeCloseTo(accuracy, 10)
  },
)

test('finds the best of all permutations', () => {
  const draw = (stream: number) => Array.from(uniforms([stream, 5], 60), (u) => Math.floor(u * 4))
  for (let trial = 0; trial < 20; trial++) {
    const [clusters, labels] = [draw(2 * trial), draw(2 * trial + 1)]
    const rightIf = (order: readonly number[]) => clusters.filter((c, i) => order[c] === labels[i]).length
    const best = Math.max(...permutations([0, 1, 2, 3]).map(rightIf))
    expect(accuracyOf(clusters, labels).accuracy).toBeCloseTo(best / 60, 10)
  }
})

test.each([
  [[0], [0, 1], 'clusters and labels must have the same length; got 1 clusters and 2 labels'],
  [[0, 1], [-1, -1], 'no image has a class'],
  [[0, -1], [0, 1], 'clusters must be numbered from 0; image 1 has -1'],
])('throws for clusters %j with classes %j', (clusters, labels, message) => {
  expect(() => accuracyOf(clusters, labels)).toThrow(`clusterAccuracy: ${message}`)
})

function permutations(values: readonly number[]): number[][] {
  if (values.length < 2) return [[...values]]
  return values.flatMap((first) =>
    permutations(values.filter((value) => value !== first)).map((rest) => [first, ...rest]),
  )
}
