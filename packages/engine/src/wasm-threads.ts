import { createRequire } from 'node:module'
import os from 'node:os'
import type { WorkerOptions } from 'node:worker_threads'

/**
 * Lets the threaded build of @tensorflow/tfjs-backend-wasm start its threads in Node, while `initialise` runs.
 *
 * The package leaves Node out (tensorflow/tfjs#3830) for what its start-up code does: it hands the sources of
 * its threads over as blobs, which Node's workers do not take; its threads refer to modules by names of the
 * bundle; it takes at most half the processors it sees; and its workers keep the process from ending. Each is
 * put right from outside, for the time of the initialisation alone, after which all globals are as before.
 * Threads share the work of matrix products and convolutions; results are the same to the last bit.
 *
 * @param threads how many to work with, the calling one included; the build has room for 8
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
      // A thread that waits for work must not keep the process alive.
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

/** The worker's own script between what the bundle's names stand for and what it asks the page to load. */
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
