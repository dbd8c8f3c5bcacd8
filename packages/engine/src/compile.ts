import * as tf from '@tensorflow/tfjs-core'

/** The step in a tidy: what `Engine.compile` gives where the engine cannot record steps. */
export function tidyStep<Args extends unknown[], Result extends tf.TensorContainer>(
  step: (...args: Args) => Result,
): (...args: Args) => Result {
  return (...args) => tf.tidy(() => step(...args))
}
