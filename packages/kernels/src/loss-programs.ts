import * as tf from '@tensorflow/tfjs-core'
import type {
  logSumExpGradientOfPairs,
  logSumExpGradients,
  logSumExpOnWebgpu,
} from './webgpu/softmax-of-products.js'
import { WEBGPU } from './webgpu/webgpu-backend.js'

/** What losses compute by programs of WebGPU. They are not part of `@selfsup/kernels/losses`, which stays small. */
export interface LossPrograms {
  readonly logSumExp: typeof logSumExpOnWebgpu
  readonly gradients: typeof logSumExpGradients
  readonly gradientOfPairs: typeof logSumExpGradientOfPairs
  standardise(z: tf.Tensor2D, epsilon: number): tf.Tensor2D
}

let programs: LossPrograms | undefined

/** Makes the programs known: from now on losses use them on WebGPU. */
export function useLossPrograms(given: LossPrograms): void {
  programs = given
}

/** The programs, if the current backend is WebGPU and `@selfsup/kernels` is loaded; otherwise losses are composed. */
export function lossPrograms(): LossPrograms | undefined {
  return tf.getBackend() === WEBGPU ? programs : undefined
}
