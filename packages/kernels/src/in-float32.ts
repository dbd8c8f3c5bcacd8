import * as tf from '@tensorflow/tfjs-core'
import { NATIVE, type NativeBackend } from './native.js'

/**
 * Runs `body` so that its matrix products and convolutions, and all gradients through them, compute in float32 in mixed
 * precision too. Use it for differences of nearly equal results of a network, such as finite differences, which bfloat16
 * would round to zero. Operations on its results also compute in float32, until they are assigned to a variable.
 *
 * A loss that only needs exact logits should use `matMulFloat32` instead, which keeps the network's gradients in bfloat16.
 *
 * @returns what `body` returns
 */
export function inFloat32<T>(body: () => T): T {
  if (tf.getBackend() !== NATIVE) return body()
  const { inFloat32: scoped } = tf.backend() as unknown as NativeBackend
  return scoped ? (scoped.call(tf.backend(), body) as T) : body()
}
