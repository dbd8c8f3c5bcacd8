import { assertSameShape, expected } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { Variables } from './optimizer.js'

/**
 * Moves averages towards the current values, `average = momentum * average + (1 - momentum) * current`:
 * the update of a momentum encoder (He et al. 2020, arXiv:1911.05722, eq. 2; BYOL's target network).
 *
 * @param averages the slow copies, by name
 * @param current the values that they follow, of the same names and shapes, no more and no fewer
 * @param momentum scalar, 0 (copy) to 1 (stay); a tensor, so that it may change from step to step
 * @throws SelfsupError when a name is on one side only, ShapeError when shapes differ
 */
export function exponentialMovingAverage(
  averages: Variables,
  current: Readonly<Record<string, tf.Tensor>>,
  momentum: tf.Scalar,
): void {
  for (const name of Object.keys(current))
    expected(averages[name], `exponentialMovingAverage: there is no average for the current value '${name}'`)
  tf.tidy(() => {
    const rest = tf.sub(1, momentum)
    for (const [name, average] of Object.entries(averages)) {
      const value = current[name]
      expected(value, `exponentialMovingAverage: there is no current value for the average '${name}'`)
      assertSameShape(`exponentialMovingAverage: '${name}'`, { average, current: value })
      average.assign(tf.add(tf.mul(average, momentum), tf.mul(value, rest)))
    }
  })
}

/**
 * Copies to start averages from: variables of the same names and values with data of their own, not trainable.
 * @param current any variables or tensors, by name
 */
export function copies(current: Readonly<Record<string, tf.Tensor>>): Record<string, tf.Variable> {
  const result: Record<string, tf.Variable> = {}
  for (const [name, value] of Object.entries(current)) {
    tf.tidy(() => {
      result[name] = tf.variable(tf.mul(value, tf.scalar(1, value.dtype)), false)
    })
  }
  return result
}
