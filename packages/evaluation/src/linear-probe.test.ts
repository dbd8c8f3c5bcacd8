import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import type { Features } from './features.js'
import fixture from './fixtures/logistic-regression.json' with { type: 'json' }
import { linearProbe } from './linear-probe.js'

function part(start: number, end: number): Features {
  const { width } = fixture
  return {
    values: Float32Array.from(fixture.features.slice(start * width, end * width)),
    count: end - start,
    width,
    labels: Int32Array.from(fixture.labels.slice(start, end)),
    indices: Int32Array.from({ length: end - start }, (_, i) => start + i),
  }
}

describe.each(testEngines())('linearProbe on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })
  const train = part(0, fixture.train)
  const test_ = part(fixture.train, fixture.labels.length)

  test.each(fixture.cases)(
    'predicts the same classes as scikit-learn with l2 = $l2',
    async ({ l2, predictions, accuracy }) => {
      const before = tf.memory().numTensors
      const result = await linearProbe(train, test_, { l2: [l2] })
      expect([...result.predictions]).toEqual(predictions)
      expect(result.accuracy).toBeCloseTo(accuracy, 10)
      expect(tf.memory().numTensors).toBe(before)
    },
  )

  test('returns the same result if features are copied block by block', async () => {
    const few = { l2: [1e-2], maxIterations: 10 }
    const whole = await linearProbe(train, test_, few)
    for (const deviceBytes of [0, 4 * 100 * train.width]) {
      const before = tf.memory().numTensors
      const options = { ...few, deviceBytes, blockNumbers: 45 * train.width }
      const result = await linearProbe(train, test_, options)
      expect([...result.predictions]).toEqual([...whole.predictions])
      expect(result).toMatchObject({ accuracy: whole.accuracy, top5: whole.top5, count: whole.count })
      expect(tf.memory().numTensors).toBe(before)
    }
  })

  test('chooses a penalty of the sweep, deterministically', async () => {
    const result = await linearProbe(train, test_, { l2: [1e-4, 1e-2, 100] })
    expect([1e-4, 1e-2]).toContain(result.l2)
    expect(await linearProbe(train, test_, { l2: [1e-4, 1e-2, 100] })).toEqual(result)
  })

  test('leaves out images without a class', async () => {
    const labels = Int32Array.from(train.labels)
    const values = Float32Array.from(train.values)
    labels.fill(-1, 150)
    values.fill(1e6, 150 * train.width)
    const fewer = await linearProbe({ ...train, labels, values }, test_, { l2: [1e-2] })
    expect(fewer).toEqual(await linearProbe(part(0, 150), test_, { l2: [1e-2] }))
  })

  test('throws for missing classes and different widths', async () => {
    await expect(linearProbe({ ...train, labels: train.labels.map(() => 0) }, test_)).rejects.toThrow(
      'fewer than two classes',
    )
    await expect(linearProbe({ ...train, width: 5 }, test_)).rejects.toThrow(
      'train has 5 features per image, test 6',
    )
    await expect(linearProbe(train, { ...test_, labels: test_.labels.map(() => -1) })).rejects.toThrow(
      'no test image has a class',
    )
  })
})
