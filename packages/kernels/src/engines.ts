import * as tf from '@tensorflow/tfjs-core'
import { batchNorm } from './batch-norm.js'
import { useLossPrograms } from './loss-programs.js'
import { useKernels } from './register.js'
import { registerWasmKernels } from './wasm/register.js'
import { registerWebgpuKernels } from './webgpu/register.js'
import {
  logSumExpGradientOfPairs,
  logSumExpGradients,
  logSumExpOnWebgpu,
} from './webgpu/softmax-of-products.js'
import { WEBGPU } from './webgpu/webgpu-backend.js'

// Kernels that only some engines have: loading them makes them known, and `registerKernels` registers them.
useKernels('wasm', registerWasmKernels)
useKernels(WEBGPU, registerWebgpuKernels)
useLossPrograms({
  logSumExp: logSumExpOnWebgpu,
  gradients: logSumExpGradients,
  gradientOfPairs: logSumExpGradientOfPairs,
  standardise(z, epsilon) {
    const features = z.shape[1]
    return tf.tidy(
      () => batchNorm(z, tf.ones([features]), tf.zeros([features]), { epsilon }).y,
    ) as tf.Tensor2D
  },
})
