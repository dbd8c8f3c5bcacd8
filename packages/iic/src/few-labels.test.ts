import { expect, test } from 'vitest'
import type { ClusterProbabilities } from './assign-clusters.js'
import { fewLabelClassifier } from './few-labels.js'

/** One sub-head's probabilities, image by image. */
const said = (
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

test('a cluster stands for the class of most of its labelled images', () => {
  const labelled = said(
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

test('a cluster without labelled images goes with those that are a little in it', () => {
  // Nobody labelled is in cluster 2; of class 1 an image is near it.
  const labelled = said(
    [
      [0.999, 0, 0.001],
      [0, 0.98, 0.02],
    ],
    [0, 1],
  )
  expect([...fewLabelClassifier(labelled).classOfCluster]).toEqual([0, 1, 1])
})

test('sub-heads are heard together: one that knows nothing leaves it to the others', () => {
  const labelled = said(
    [
      [1, 0, 0, 1, 0, 0],
      [1, 0, 0, 0, 1, 0],
    ],
    [0, 1],
    2,
  )
  // The first sub-head has both classes in its cluster 0; the second tells them apart.
  const asked = said(
    [
      [1, 0, 0, 0, 1, 0],
      [1, 0, 0, 1, 0, 0],
    ],
    [-1, -1],
    2,
  )
  expect([...fewLabelClassifier(labelled).classify(asked)]).toEqual([1, 0])
})

test('what does not fit is refused', () => {
  const labelled = said([[1, 0]], [0])
  expect(() => fewLabelClassifier(said([[1, 0]], [-1]))).toThrow('no image has a class')
  expect(() => fewLabelClassifier(said([[1, 0]], [2]))).toThrow('2 clusters cannot stand for 3 classes')
  expect(() => fewLabelClassifier(said([[1, 0]], [1]), { classes: 1 })).toThrow(
    'classes must be below 1; image 0 has 1',
  )
  expect(() => fewLabelClassifier(labelled).classify(said([[1, 0, 0]], [0]))).toThrow(
    '1 times 2; got 1 times 3',
  )
})
