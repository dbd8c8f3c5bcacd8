import * as tf from '@tensorflow/tfjs-core'
import type { CompiledStep } from './engine.js'

/** The step in a tidy: what `Engine.compile` gives where the engine cannot capture steps, or should not. */
export function tidyStep<Args extends unknown[], Result extends tf.TensorContainer>(
  step: (...args: Args) => Result,
): CompiledStep<Args, Result> {
  return Object.assign((...args: Args) => tf.tidy(() => step(...args)), { captures: 0, dispose() {} })
}
