import { assertSameShape, expected } from '@selfsup/core'
import { canFuseUpdates, fusedAverages } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import type { Variables } from './optimizer.js'

/**
 * Updates averages with the current values, `average = momentum * average + (1 - momentum) * current`:
 * the update of a momentum encoder (He et al. 2020, arXiv:1911.05722, eq. 2; BYOL's target network).
 *
 * @param averages the averaged variables, by name
 * @param current the current values, with exactly the same names and shapes
 * @param momentum scalar from 0 (copy the current values) to 1 (keep the averages); a tensor, so that it can change
 *   between steps
 * @throws SelfsupError if a name is in only one of the two, ShapeError if shapes differ
 */
export function exponentialMovingAverage(
  averages: Variables,
  current: Readonly<Record<string, tf.Tensor>>,
  momentum: tf.Scalar,
): void {
  for (const name of Object.keys(current))
    expected(averages[name], `exponentialMovingAverage: there is no average for the current value '${name}'`)
  const pairs = Object.entries(averages).map(([name, average]) => {
    const value = current[name]
    expected(value, `exponentialMovingAverage: there is no current value for the average '${name}'`)
    assertSameShape(`exponentialMovingAverage: '${name}'`, { average, current: value })
    return { average, value }
  })
  if (canFuseUpdates()) {
    fusedAverages(pairs, momentum)
    return
  }
  tf.tidy(() => {
    const rest = tf.sub(1, momentum)
    for (const { average, value } of pairs) {
      average.assign(tf.add(tf.mul(average, momentum), tf.mul(value, rest)))
    }
  })
}

/**
 * Creates the initial averages: variables with the same names and values, separate data, and `trainable` false.
 * @param current variables or tensors, by name
 */
export function initialAverages(current: Readonly<Record<string, tf.Tensor>>): Record<string, tf.Variable> {
  const result: Record<string, tf.Variable> = {}
  for (const [name, value] of Object.entries(current)) {
    tf.tidy(() => {
      result[name] = tf.variable(tf.mul(value, tf.scalar(1, value.dtype)), false)
    })
  }
  return result
}
