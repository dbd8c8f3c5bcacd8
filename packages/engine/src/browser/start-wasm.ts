import { SelfsupError } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { tidyStep } from '../compile.js'
import { checkAllocations, type WasmModule } from '../wasm-memory.js'

/** Starts the WebAssembly backend, with threads on pages that are isolated from other origins. */
export async function startWasm(paths?: string | Readonly<Record<string, string>>) {
  const wasm = await import('@tensorflow/tfjs-backend-wasm')
  if (!('wasm' in tf.engine().registry)) {
    if (paths) wasm.setWasmPaths(paths as never)
    if (!(await tf.setBackend('wasm')))
      throw new SelfsupError('WebAssembly does not start', { code: 'unsupported' })
    checkAllocations((tf.findBackend('wasm') as unknown as { wasm: WasmModule }).wasm)
  }
  const threads = wasm.getThreadsCount()
  const count = threads === 1 ? '1 thread' : `${threads} threads`
  return {
    description: `WebAssembly (tfjs-backend-wasm ${wasm.version_wasm}), ${count}`,
    gpu: false,
    compile: tidyStep,
  }
}
