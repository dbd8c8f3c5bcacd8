import { uniforms } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import { infoNce } from '@selfsup/losses'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-layers' // registers the gradients
import { beforeAll, describe, expect, test } from 'vitest'
import { methodEngines } from '../../../tooling/vitest/engines.js'
import { stepsAhead, stepsOf } from './steps-ahead.js'

type Shape = [number, number, number, number]
const drawn = (seed: number, shape: Shape) =>
  tf.tensor4d(
    uniforms([seed, 0], tf.util.sizeFromShape(shape)).map((u) => 4 * u - 2),
    shape,
  )

/** Collects the positive and the negatives of each prediction with plain loops. */
function slowly(predictions: tf.Tensor4D, targets: tf.Tensor4D, k: number, group: number) {
  const [batch, rows, columns, features] = targets.shape
  const at = (x: tf.Tensor4D, example: number, row: number, column: number) =>
    tf.reshape(tf.slice(x, [example, row, column, 0], [1, 1, 1, -1]), [features]) as tf.Tensor1D
  const [queries, keys, negatives]: [tf.Tensor[], tf.Tensor[], tf.Tensor[]] = [[], [], []]
  for (let example = 0; example < batch; example++) {
    for (let row = 0; row + k < rows; row++) {
      for (let column = 0; column < columns; column++) {
        queries.push(at(predictions, example, row, column))
        keys.push(at(targets, example, row + k, column))
        const others: tf.Tensor1D[] = []
        const first = Math.floor(example / group) * group
        for (let e = first; e < first + group; e++)
          for (let r = 0; r < rows; r++)
            for (let c = 0; c < columns; c++)
              if (e !== example || r !== row + k || c !== column) others.push(at(targets, e, r, c))
        negatives.push(tf.stack(others))
      }
    }
  }
  return [tf.stack(queries), tf.stack(keys), tf.stack(negatives)] as [tf.Tensor2D, tf.Tensor2D, tf.Tensor3D]
}

describe.each(methodEngines())('steps ahead on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })

  test.each([
    { k: 1, contrasted: 2, group: 2 },
    { k: 2, contrasted: 4, group: 4 },
    { k: 2, contrasted: 3, group: 4 },
    { k: 1, contrasted: 99, group: 4 },
  ])('equals InfoNCE with all other targets of the group as negatives: %o', ({ k, contrasted, group }) => {
    const before = tf.memory().numTensors
    tf.tidy(() => {
      const [predictions, targets] = [drawn(1, [4, 3, 2, 5]), drawn(2, [4, 3, 2, 5])]
      const ours = (p: tf.Tensor, z: tf.Tensor) =>
        stepsAhead(p as tf.Tensor4D, z as tf.Tensor4D, { k, contrasted, scale: 0.5 }).loss
      const theirs = (p: tf.Tensor, z: tf.Tensor) => {
        const [queries, keys, negatives] = slowly(p as tf.Tensor4D, z as tf.Tensor4D, k, group)
        return infoNce(queries, keys, { negatives, normalise: false, temperature: 2 })
      }
      const [got, wanted] = [ours, theirs].map((f) => tf.valueAndGrads(f)([predictions, targets]))
      expect(got!.value.dataSync()[0]).toBeCloseTo(wanted!.value.dataSync()[0]!, 5)
      got!.grads.forEach((gradient, i) => {
        expect(tf.max(tf.abs(tf.sub(gradient, wanted!.grads[i]!))).dataSync()[0]).toBeLessThan(1e-6)
      })
    })
    expect(tf.memory().numTensors).toBe(before)
  })

  test('accuracy counts predictions whose own target has the highest product; a tie of n counts 1/n', () => {
    tf.tidy(() => {
      // One series of four steps: a, b, b, c. Row 0 predicts b (right, but there are two), row 1 b (right, two), row 2 a (wrong).
      const [a, b, c] = [
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
      ]
      const targets = tf.tensor4d([a, b, b, c].flat() as number[], [1, 4, 1, 3])
      const predictions = tf.tensor4d([b, b, a, a].flat() as number[], [1, 4, 1, 3])
      const { accuracy, loss } = stepsAhead(predictions, targets, { k: 1, contrasted: 1, scale: 1 })
      expect(accuracy.dataSync()[0]).toBeCloseTo((1 / 2 + 1 / 2 + 0) / 3, 6)
      const e = Math.E
      const right = Math.log(2 * e + 2) - 1
      expect(loss.dataSync()[0]).toBeCloseTo((2 * right + Math.log(e + 3)) / 3, 5)
    })
  })

  test('large products do not overflow', () => {
    tf.tidy(() => {
      const z = tf.mul(drawn(1, [2, 3, 1, 4]), 100) as tf.Tensor4D
      const { loss } = stepsAhead(z, z, { k: 1, contrasted: 2, scale: 1 })
      expect(Number.isFinite(loss.dataSync()[0])).toBe(true)
    })
  })
})

test('rejects steps that leave nothing to predict or go beyond the end', () => {
  expect(stepsOf('cpc', { steps: 5, ignored: 2 }, 7, 'rows')).toEqual([3, 4, 5])
  expect(() => stepsOf('cpc', { steps: 2, ignored: 2 }, 7, 'rows')).toThrow('which leaves nothing to predict')
  expect(() => stepsOf('cpc', { steps: 7, ignored: 0 }, 7, 'rows')).toThrow(
    'cpc: 7 rows are too few to predict 7 steps ahead; set steps to at most 6',
  )
})
