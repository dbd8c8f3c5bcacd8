import * as tf from '@tensorflow/tfjs-core'
import { NATIVE, type NativeBackend } from './native.js'
import { onWebgpu } from './webgpu/webgpu-backend.js'

/**
 * Whether the current engine uses Selfsup's own convolutions wherever `suitsOwnConvolution`. They pad without writing the zeros to memory.
 * True on WebGPU, and for native TensorFlow with Selfsup's addon in float32 on processors with AVX2 but without AVX-512.
 */
export function hasOwnConvolutions(): boolean {
  if (onWebgpu()) return true
  if (tf.getBackend() !== NATIVE) return false
  return (tf.backend() as NativeBackend & tf.KernelBackend).fused?.padsConvolutions === true
}

/** Whether these support a convolution; must match `suitable` in packages/tensorflow/src/own-convolutions.ts. */
export function suitsOwnConvolution(channels: number, filters: number, kernelSize: number): boolean {
  return channels % 16 === 0 && filters % 16 === 0 && kernelSize > 1
}
