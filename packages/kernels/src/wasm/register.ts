import * as tf from '@tensorflow/tfjs-core'
import { conv2DBackpropFilter } from './conv2d-backprop-filter.js'
import { conv2DBackpropInput } from './conv2d-backprop-input.js'
import { gather, unsortedSegmentSum } from './gather.js'
import { batchMatMul, fusedMatMul } from './matrix-product.js'
import { rearrangements } from './rearrangements.js'
import { reductions } from './reductions.js'
import type { WasmBackend, WasmKernel } from './wasm-backend.js'
import { avgPoolGrad, depthwiseBackpropFilter, depthwiseBackpropInput, maxPoolGrad } from './windows.js'

const kernels: readonly WasmKernel[] = [
  avgPoolGrad,
  batchMatMul,
  conv2DBackpropFilter,
  conv2DBackpropInput,
  depthwiseBackpropFilter,
  depthwiseBackpropInput,
  fusedMatMul,
  gather,
  maxPoolGrad,
  unsortedSegmentSum,
  ...rearrangements,
  ...reductions,
]

let registered = false

/** Replaces the backend's own kernels, which it registers when its package is loaded: call it after that. */
export function registerWasmKernels(): void {
  if (registered) return
  registered = true
  for (const kernel of kernels) register(kernel)
}

function register({ kernelName, run }: WasmKernel): void {
  const own = tf.getKernel(kernelName, 'wasm')
  if (own) tf.unregisterKernel(kernelName, 'wasm')
  tf.registerKernel({
    kernelName,
    backendName: 'wasm',
    setupFunc: own?.setupFunc,
    kernelFunc: (call) => {
      const result = run(call.backend as WasmBackend, call.inputs as tf.NamedTensorMap, call.attrs ?? {})
      if (result) return result
      if (own) return own.kernelFunc(call)
      throw new Error(`${kernelName}: not possible on WebAssembly with these inputs`)
    },
  })
}
