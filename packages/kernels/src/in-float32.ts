import * as tf from '@tensorflow/tfjs-core'
import { NATIVE, type NativeBackend } from './native.js'

/**
 * Runs `body` so that its matrix products and convolutions compute in float32 under mixed precision too, as do all gradients
 * through them: for differences of nearly equal results of a network, such as a finite difference, which bfloat16 would
 * round away. Whatever is computed from its results computes in float32 as well, until it is assigned to a variable.
 *
 * A loss that only needs exact logits takes `matMulFloat32` instead: the gradients that it passes to the network stay
 * bfloat16 there.
 *
 * @returns what `body` returns
 */
export function inFloat32<T>(body: () => T): T {
  if (tf.getBackend() !== NATIVE) return body()
  const { inFloat32: scoped } = tf.backend() as unknown as NativeBackend
  return scoped ? (scoped.call(tf.backend(), body) as T) : body()
}
