import * as tf from '@tensorflow/tfjs-core'

/** Gives a variable these values. */
export function assign(variable: tf.Variable, values: tf.TypedArray): void {
  tf.tidy(() => variable.assign(tf.tensor(values, variable.shape, variable.dtype)))
}
