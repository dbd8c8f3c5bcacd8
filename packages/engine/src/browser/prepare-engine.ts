import { expected, SelfsupError } from '@selfsup/core'
import { registerKernels } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import { tidyStep } from '../compile.js'
import type { Engine, EngineName, MissingEngine } from '../engine.js'
import { startWasm } from './start-wasm.js'
import { startWebgpu } from './start-webgpu.js'

/** Which engine a browser computes with. */
export interface BrowserEngineOptions {
  /** default 'auto': WebGPU with a GPU, else WebAssembly, else plain JavaScript */
  readonly engine?: Exclude<EngineName, 'tensorflow'> | 'auto'
  /** addresses of the files of @tensorflow/tfjs-backend-wasm, by name, or of their folder; default: next to the script */
  readonly wasmPaths?: string | Readonly<Record<string, string>>
}

/** A backend that is ready, described in one line. */
interface StartedEngine {
  readonly description: string
  readonly gpu: boolean
  readonly compile: Engine['compile']
}

const names = ['webgpu', 'wasm', 'cpu'] as const
const titles = { webgpu: 'WebGPU', wasm: 'WebAssembly', cpu: 'plain JavaScript' } as const

/**
 * Makes a TensorFlow.js backend ready in a browser, in a page or a worker, and the current one, with gradients registered.
 * `auto` does not take WebGPU of an adapter that computes on the processor. May be called again, for another engine or for a new
 * device after the last one was lost.
 * @throws SelfsupError if the requested engine cannot be used
 */
export async function prepareEngine({
  engine = 'auto',
  wasmPaths,
}: BrowserEngineOptions = {}): Promise<Engine> {
  const wanted = names.find((name) => name === engine)
  expected(wanted || engine === 'auto', `engine must be one of ${names.join(', ')}, auto; got ${engine}`)
  const start = {
    webgpu: () => startWebgpu({ software: engine === 'webgpu' }),
    wasm: () => startWasm(wasmPaths),
    cpu: startCpu,
  }
  const missing: MissingEngine[] = []
  for (const name of wanted ? [wanted] : names) {
    try {
      const { description, gpu, compile }: StartedEngine = await start[name]()
      await tf.setBackend(name)
      await tf.ready()
      // Layers registers the gradients of all kernels. Of Exp we have none of our own.
      if (!tf.getGradient('Exp')) await import('@tensorflow/tfjs-layers')
      registerKernels()
      return { name, description, precision: 'float32', gpu, missing, compile, memory }
    } catch (error) {
      if (wanted || name === 'cpu') throw error
      const { message } = error as Error
      missing.push({ name, title: titles[name], reason: message.split('\n')[0]! })
    }
  }
  throw new SelfsupError('no engine could be started')
}

async function startCpu() {
  const { version_cpu } = await import('@tensorflow/tfjs-backend-cpu')
  const backend = tf.findBackend('cpu') as { firstUse?: boolean }
  backend.firstUse = false // or the first operation prints a banner that recommends another engine
  return { description: `plain JavaScript (tfjs-backend-cpu ${version_cpu})`, gpu: false, compile: tidyStep }
}

/** Browsers do not say how much memory a page takes, or Chromium alone. */
function memory() {
  const { numTensors, numBytes } = tf.memory()
  const { memory: heap } = performance as { memory?: { readonly usedJSHeapSize: number } }
  return { tensors: numTensors, bytes: numBytes, resident: heap?.usedJSHeapSize ?? numBytes }
}
