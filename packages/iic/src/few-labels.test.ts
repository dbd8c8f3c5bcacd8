import { expect, test } from 'vitest'
import type { ClusterProbabilities } from './assign-clusters.js'
import { fewLabelClassifier } from './few-labels.js'

/** Probabilities of the clusters, one row per image. */
const probabilitiesOf = (
  rows: readonly (readonly number[])[],
  labels: readonly number[],
  subHeads = 1,
): ClusterProbabilities => ({
  values: Float32Array.from(rows.flat()),
  count: rows.length,
  subHeads,
  clusters: rows[0]!.length / subHeads,
  labels: Int32Array.from(labels),
  indices: Int32Array.from(rows, (_, i) => i),
})

test('a cluster gets the class of most of its labelled images', () => {
  const labelled = probabilitiesOf(
    [
      [1, 0, 0],
      [1, 0, 0],
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
      [0, 1, 0],
    ],
    [0, 0, 1, 1, 1, -1],
  )
  const classifier = fewLabelClassifier(labelled)
  expect([...classifier.classOfCluster]).toEqual([0, 1, 1])
  expect([...classifier.classify(labelled)]).toEqual([0, 0, 0, 1, 1, 1])
})

test('a cluster without labelled images gets the class of the image with the highest probability in it', () => {
  // No labelled image is assigned to cluster 2; the one of class 1 has the highest probability in it.
  const labelled = probabilitiesOf(
    [
      [0.999, 0, 0.001],
      [0, 0.98, 0.02],
    ],
    [0, 1],
  )
  expect([...fewLabelClassifier(labelled).classOfCluster]).toEqual([0, 1, 1])
})

test('sub-heads vote together: an undecided one leaves the decision to the others', () => {
  const labelled = probabilitiesOf(
    [
      [1, 0, 0, 1, 0, 0],
      [1, 0, 0, 0, 1, 0],
    ],
    [0, 1],
    2,
  )
  // The first sub-head assigns both classes to its cluster 0; the second distinguishes them.
  const unlabelled = probabilitiesOf(
    [
      [1, 0, 0, 0, 1, 0],
      [1, 0, 0, 1, 0, 0],
    ],
    [-1, -1],
    2,
  )
  expect([...fewLabelClassifier(labelled).classify(unlabelled)]).toEqual([1, 0])
})

test('rejects missing labels, too few clusters and probabilities of a different head', () => {
  const labelled = probabilitiesOf([[1, 0]], [0])
  expect(() => fewLabelClassifier(probabilitiesOf([[1, 0]], [-1]))).toThrow('no image has a class')
  expect(() => fewLabelClassifier(probabilitiesOf([[1, 0]], [2]))).toThrow('got 2 clusters and 3 classes')
  expect(() => fewLabelClassifier(probabilitiesOf([[1, 0]], [1]), { classes: 1 })).toThrow(
    'labels must be below 1; image 0 has label 1',
  )
  expect(() => fewLabelClassifier(labelled).classify(probabilitiesOf([[1, 0, 0]], [0]))).toThrow(
    'with 1 sub-heads of 2 clusters; got 1 sub-heads of 3',
  )
})
