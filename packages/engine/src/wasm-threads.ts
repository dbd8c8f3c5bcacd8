import { createRequire } from 'node:module'
import os from 'node:os'
import type { WorkerOptions } from 'node:worker_threads'

/**
 * Lets the threaded build of @tensorflow/tfjs-backend-wasm start its threads in Node, while `initialise` runs.
 *
 * The package does not support threads in Node (tensorflow/tfjs#3830), because its start-up code
 * - passes the sources of its threads as blobs, which Node's workers do not accept,
 * - refers to modules by names of the bundle in its threads,
 * - uses at most half of the processors,
 * - keeps the process alive with its workers.
 * This function works around each of these during initialisation and restores all globals afterwards. Threads share the
 * work of matrix products and convolutions; results are identical to the last bit.
 *
 * @param threads number of threads, including the calling one; the build supports up to 8
 */
export async function withWasmThreads<T>(threads: number, initialise: () => Promise<T>): Promise<T> {
  const require = createRequire(import.meta.url)
  const workerThreads: typeof import('node:worker_threads') = require('node:worker_threads')
  const globals = globalThis as { Blob: unknown; Worker?: unknown }
  const before = {
    Blob: globalThis.Blob,
    Worker: Object.getOwnPropertyDescriptor(globals, 'Worker'),
    ThreadWorker: workerThreads.Worker,
    createObjectURL: URL.createObjectURL,
    cpus: os.cpus,
  }
  const scripts = { module: '', worker: '' }

  globals.Blob = class extends before.Blob {
    constructor(...[parts = [], options = {}]: ConstructorParameters<typeof Blob>) {
      super(parts, options)
      if (options.type === 'text/javascript') scripts.module = parts.join('')
      if (options.type === 'application/javascript') scripts.worker = parts.join('')
    }
  }
  URL.createObjectURL = (blob) =>
    'type' in blob && blob.type === 'application/javascript' ? WORKER_ADDRESS : before.createObjectURL(blob)
  workerThreads.Worker = class extends before.ThreadWorker {
    constructor(address: string | URL, options?: WorkerOptions) {
      if (address === WORKER_ADDRESS) super(workerSource(scripts), { eval: true })
      else super(address, options)
    }
    override postMessage(message: { cmd?: string }, transfer?: readonly never[]) {
      super.postMessage(message.cmd === 'load' ? { ...message, urlOrBlob: '' } : message, transfer)
    }
    override ref() {
      // A waiting thread must not keep the process alive.
    }
  }
  os.cpus = () => Array.from({ length: 2 * threads }, () => before.cpus()[0]!)
  try {
    return await initialise()
  } finally {
    globals.Blob = before.Blob
    URL.createObjectURL = before.createObjectURL
    workerThreads.Worker = before.ThreadWorker
    os.cpus = before.cpus
    if (before.Worker) Object.defineProperty(globals, 'Worker', before.Worker)
    else delete globals.Worker
  }
}

const WORKER_ADDRESS = 'selfsup:wasm-worker'

/** The worker's script, preceded by the modules that it refers to and followed by the module that it loads. */
function workerSource(scripts: { module: string; worker: string }): string {
  return `
    globalThis.require$$0 = require('fs')
    globalThis.require$$1 = require('path')
    globalThis.require$$3 = require('perf_hooks')
    globalThis.require$$4 = require('os')
    globalThis.commonjsGlobal = globalThis
    globalThis.__dirname = '.'
    globalThis.__values = (values) => values[Symbol.iterator]()
    ${scripts.worker}
    globalThis.importScripts = () => (0, eval)(${JSON.stringify(scripts.module)})
  `
}
