import * as tf from '@tensorflow/tfjs-core'
import type { CompiledStep } from './engine.js'

/** Wraps a step in `tf.tidy`: the result of `Engine.compile` if the engine cannot, or should not, capture steps. */
export function tidyStep<Args extends unknown[], Result extends tf.TensorContainer>(
  step: (...args: Args) => Result,
): CompiledStep<Args, Result> {
  return Object.assign((...args: Args) => tf.tidy(() => step(...args)), {
    captures: 0,
    byXla: false,
    compiling: false,
    async prepare() {},
    dispose() {},
  })
}
