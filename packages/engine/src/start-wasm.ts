import * as tf from '@tensorflow/tfjs-core'
import { checkAllocations, type WasmModule } from './wasm-memory.js'
import { withWasmThreads } from './wasm-threads.js'

/** Number of workers of the threaded build. */
const MOST_THREADS = 8

/**
 * Starts the WebAssembly backend with up to `threads` threads, or with one if threads are not available.
 * @param wasm the package @tensorflow/tfjs-backend-wasm
 * @returns the number of threads in use
 */
export async function startWasm(
  wasm: typeof import('@tensorflow/tfjs-backend-wasm'),
  threads: number,
): Promise<number> {
  if (!isStarted()) {
    const exceptions = process.listeners('uncaughtException')
    const rejections = process.listeners('unhandledRejection')
    const count = Math.min(threads, MOST_THREADS)
    if (count > 1) await startThreaded(wasm, count)
    if (!isStarted()) await tf.setBackend('wasm')
    removeNew('uncaughtException', exceptions)
    removeNew('unhandledRejection', rejections)
    if (isStarted()) checkAllocations((tf.findBackend('wasm') as unknown as { wasm: WasmModule }).wasm)
  }
  return isStarted() ? wasm.getThreadsCount() : 0
}

function isStarted(): boolean {
  return 'wasm' in tf.engine().registry
}

async function startThreaded(wasm: typeof import('@tensorflow/tfjs-backend-wasm'), threads: number) {
  const factory = tf.findBackendFactory('wasm')
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', true)
  wasm.setThreadsCount(threads)
  const warn = console.warn
  console.warn = () => {} // TensorFlow.js warns about a failure that is handled below
  try {
    if (await withWasmThreads(threads, () => tf.setBackend('wasm'))) return
  } catch {
    // use one thread
  } finally {
    console.warn = warn
  }
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false)
  if (!tf.findBackendFactory('wasm')) tf.registerBackend('wasm', factory, 2)
}

/** Removes new listeners: the backend handles every unhandled error, and removes all listeners when it is disposed. */
function removeNew(event: 'uncaughtException' | 'unhandledRejection', before: readonly unknown[]): void {
  for (const listener of process.listeners(event as 'uncaughtException')) {
    if (!before.includes(listener)) process.removeListener(event, listener)
  }
}
