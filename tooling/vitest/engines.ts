import { findTensorflow } from '@selfsup/tensorflow'

/** For tests of packages below `engine`, which may not depend on it. */
export { prepareEngine } from '@selfsup/engine'

export type TestEngine = 'tensorflow' | 'wasm' | 'webgpu'

/**
 * The engines on which numerics are tested here, for `describe.each(testEngines())`: WebAssembly, and
 * native TensorFlow if it is installed. SELFSUP_ENGINE=wasm (or tensorflow, or webgpu) selects one of them.
 */
export function testEngines(): TestEngine[] {
  const wanted = process.env.SELFSUP_ENGINE
  if (wanted === 'tensorflow' || wanted === 'wasm' || wanted === 'webgpu') return [wanted]
  if (wanted && wanted !== 'auto') {
    throw new Error(`SELFSUP_ENGINE must be tensorflow, wasm, webgpu or auto for the tests; got ${wanted}`)
  }
  return findTensorflow() ? ['tensorflow', 'wasm'] : ['wasm']
}

/**
 * The engine on which a method's own tests run: the fastest, or the one that SELFSUP_ENGINE names. What engines may do
 * differently is tested on all of them: kernels, losses, views, networks, whole steps and the contract of methods.
 */
export function methodEngines(): TestEngine[] {
  return testEngines().slice(0, 1)
}
