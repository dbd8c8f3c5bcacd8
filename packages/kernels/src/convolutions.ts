import * as tf from '@tensorflow/tfjs-core'
import { NATIVE, type NativeBackend } from './native.js'

/**
 * Whether the engine in use has convolutions of its own, which take zeros around pictures that are nowhere written:
 * native TensorFlow with Selfsup's addon, on processors that they are made for.
 */
export function hasOwnConvolutions(): boolean {
  if (tf.getBackend() !== NATIVE) return false
  return (tf.backend() as NativeBackend & tf.KernelBackend).fused?.convolutions === true
}

/** Whether a convolution is one that they are for: as packages/tensorflow/src/own-convolutions.ts takes them. */
export function suitsOwnConvolution(channels: number, filters: number, kernelSize: number): boolean {
  return channels % 16 === 0 && filters % 16 === 0 && kernelSize > 1
}
