import { onEngineReady } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { conv2DBackpropFilter } from './conv2d-backprop-filter.js'
import { conv2DBackpropInput } from './conv2d-backprop-input.js'
import { batchMatMul } from './matrix-product.js'

const kernels: readonly tf.KernelConfig[] = [batchMatMul, conv2DBackpropFilter, conv2DBackpropInput]

onEngineReady((engine) => {
  if (engine !== 'wasm') return
  for (const kernel of kernels) {
    const known = tf.getKernel(kernel.kernelName, kernel.backendName)
    if (known === kernel) continue
    if (known) tf.unregisterKernel(kernel.kernelName, kernel.backendName)
    tf.registerKernel(kernel)
  }
})
