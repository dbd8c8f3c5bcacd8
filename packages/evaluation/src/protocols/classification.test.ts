import type { Engine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { beforeAll, expect, test } from 'vitest'
import type { Features } from '../features.js'
import { knnProtocol } from './knn.js'
import { linearProbeProtocol } from './linear-probe.js'

beforeAll(() => tf.setBackend('cpu'))

/** Two features per image: near [1, 0] for class 0, near [0, 1] for class 1; the images of `wrong` look like the other class. */
function features(labels: number[], wrong: number[] = []): Features {
  const values = Float32Array.from(
    labels.flatMap((label, i) => {
      const looksLike = wrong.includes(i) ? 1 - label : Math.max(0, label)
      return looksLike === 0 ? [1, 0.01 * i] : [0.01 * i, 1]
    }),
  )
  return {
    values,
    width: 2,
    count: labels.length,
    labels: Int32Array.from(labels),
    indices: Int32Array.from(labels.keys()),
    classes: ['good', 'defect'],
  } as unknown as Features
}

const balanced = features([0, 0, 0, 0, 1, 1, 1, 1])
// One image without a class in the middle; one of the two defects looks like a good one.
const imbalanced = features([0, 0, 0, 0, -1, 0, 0, 1, 1], [8])
const context = { engine: {} as Engine, seed: 1, seeds: 2 }

test.each([knnProtocol, linearProbeProtocol])('$name tells what imbalance hides', async (protocol) => {
  const { values, confusion, classRecall } = await protocol.find(
    { name: 'run', train: balanced, test: imbalanced },
    context,
  )
  const of = (features: string, metric: string) =>
    values.find((value) => value.features === features && value.metric === metric)?.value
  expect(of('run', 'accuracy')).toBeCloseTo(7 / 8)
  expect(of('run', 'balanced accuracy')).toBeCloseTo((6 / 6 + 1 / 2) / 2)
  expect(of('run', 'macro F1')).toBeCloseTo((12 / 13 + 2 / 3) / 2)
  expect(of('most frequent class', 'accuracy')).toBeCloseTo(6 / 8)
  expect(values[0]).toMatchObject({ metric: 'accuracy', features: 'run' })
  expect(confusion).toEqual({
    classes: ['good', 'defect'],
    counts: [
      [6, 0],
      [1, 1],
    ],
  })
  expect(classRecall).toEqual([
    { name: 'good', count: 6, recall: 1 },
    { name: 'defect', count: 2, recall: 0.5 },
  ])
})

test('for equal classes, only the accuracy and that of always predicting one class are reported', async () => {
  const { values } = await knnProtocol.find({ name: 'run', train: balanced, test: balanced }, context)
  expect(values.map(({ metric, features }) => [metric, features])).toEqual([
    ['accuracy', 'run'],
    ['accuracy', 'most frequent class'],
  ])
  expect(values[1]!.value).toBe(0.5)
})
