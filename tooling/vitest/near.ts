import type * as tf from '@tensorflow/tfjs-core'
import { expect } from 'vitest'

/** Expects the values of a tensor, in row order, up to 5 decimal places. */
export function expectNear(got: tf.Tensor, wanted: readonly number[]): void {
  const values = got.dataSync()
  expect(values).toHaveLength(wanted.length)
  for (const [i, value] of wanted.entries()) expect(values[i]).toBeCloseTo(value, 5)
}
