// TensorFlow.js's own WebGPU backend, to compare with.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { bare, load } from './packages.mjs'

/**
 * The name of the backend with TensorFlow.js's kernels alone. For an engine of this name our packages compose everything of
 * TensorFlow.js's operations, as they do where we have no kernels.
 */
const STOCK = 'webgl'

/**
 * Starts WebGPU with our kernels, or with TensorFlow.js's alone on the same device and with the same checks. One of these is
 * repaired: the transposition of integers makes an invalid program of which all later results are zeros.
 * @param {boolean} stock
 */
export async function startWebgpu(stock) {
  const tf = await bare('@tensorflow/tfjs-core')
  // Loaded before the engine replaces some of its kernels.
  const fromEngine = createRequire(new URL('../../packages/engine/package.json', import.meta.url))
  await import(pathToFileURL(fromEngine.resolve('@tensorflow/tfjs-backend-webgpu')).href)
  const own = tf.getKernelsForBackend('webgpu')
  const { prepareEngine } = await load('engine')
  const started = await prepareEngine({ engine: 'webgpu' })
  const backend = /** @type {import('./device-counts.mjs').WebgpuBackend} */ (
    /** @type {unknown} */ (tf.backend())
  )
  if (!stock) return { engine: started, backend }
  for (const kernel of own) {
    const repaired = kernel.kernelName === 'Transpose' ? tf.getKernel('Transpose', 'webgpu') : kernel
    tf.registerKernel({ ...repaired, kernelName: kernel.kernelName, backendName: STOCK })
  }
  tf.registerBackend(STOCK, () => /** @type {any} */ (backend), 0)
  await tf.setBackend(STOCK)
  /** @type {import('@selfsup/engine').Engine} */
  const engine = {
    ...started,
    compile: (step, options) => started.compile(step, { ...options, eager: true }),
  }
  return { engine, backend }
}
