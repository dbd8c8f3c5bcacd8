import * as tf from '@tensorflow/tfjs-core'
import { activations } from './activations.js'
import { convolutions } from './convolutions.js'
import { matrixProducts } from './matrix-product.js'
import { reductions } from './reductions.js'
import { scans } from './scan.js'
import { segmentSums } from './segment-sums.js'
import { transpose } from './transpose.js'
import { WEBGPU, type WebgpuBackend, type WebgpuKernel } from './webgpu-backend.js'

const kernels: readonly WebgpuKernel[] = [
  ...activations,
  ...convolutions,
  ...matrixProducts,
  ...reductions,
  ...scans,
  ...segmentSums,
  transpose,
]

let registered = false

/** Replaces the backend's own kernels, which it registers when its package is loaded: call it after that. */
export function registerWebgpuKernels(): void {
  if (registered) return
  registered = true
  for (const kernel of kernels) register(kernel)
}

function register({ kernelName, run }: WebgpuKernel): void {
  const own = tf.getKernel(kernelName, WEBGPU)
  if (own) tf.unregisterKernel(kernelName, WEBGPU)
  tf.registerKernel({
    kernelName,
    backendName: WEBGPU,
    kernelFunc: (call) => {
      const backend = call.backend as unknown as WebgpuBackend
      const result = run(backend, call.inputs as tf.NamedTensorMap, call.attrs ?? {})
      if (result) return result
      if (own) return own.kernelFunc(call)
      throw new Error(`${kernelName}: not possible on WebGPU with these inputs`)
    },
  })
}
