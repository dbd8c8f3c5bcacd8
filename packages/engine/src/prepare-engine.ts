import { expected, SelfsupError } from '@selfsup/core'
import { registerKernels } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import { tidyStep } from './compile.js'
import type { Engine, EngineName, MissingEngine } from './engine.js'
import type { EngineOptions } from './engine-options.js'
import { explain } from './find-engines.js'
import { isSet } from './is-set.js'
import { availableCores } from './machine.js'
import { loadCpuPackage, loadTensorflowPackage, loadWasmPackage } from './peers.js'
import { startWasm } from './start-wasm.js'
import { checkedWorkers } from './workers.js'

const names = ['tensorflow', 'webgpu', 'wasm', 'cpu'] as const satisfies readonly EngineName[]
const titles = {
  tensorflow: 'native TensorFlow',
  webgpu: 'WebGPU',
  wasm: 'WebAssembly',
  cpu: 'plain JavaScript',
} as const

/**
 * Makes a TensorFlow.js backend ready and the current one, with gradients registered: native TensorFlow where
 * it is installed, else WebGPU where it has a GPU, else WebAssembly, else plain JavaScript. May be called again, for another
 * engine too, or for a new device after the last one was lost.
 * @throws SelfsupError if the requested engine cannot be used, with `code` and `fix`
 */
export async function prepareEngine(options: EngineOptions = {}): Promise<Engine> {
  const several = checkedWorkers(options.workers)
  const given = options.engine ?? 'auto'
  const wanted = wantedEngine(several && given === 'auto' ? 'tensorflow' : given)
  expected(!several || wanted === 'tensorflow', `several workers need the engine tensorflow; got ${wanted}`)
  const threads = options.threads ?? (Number(process.env.TF_NUM_INTRAOP_THREADS) || availableCores())
  const missing: MissingEngine[] = []
  for (const name of wanted === 'auto' ? names : [wanted]) {
    const description = await start[name](threads, options).catch((error: unknown) => {
      if (wanted !== 'auto' || name === 'cpu') throw error
      // WebGPU is for machines with a GPU: without one nothing is missing.
      if (name !== 'webgpu') missing.push({ name, title: titles[name], ...explain(error) })
    })
    if (description === undefined) continue
    // In Node no module of core's registers the gradients of all kernels; layers does. Of Exp we have none of our own.
    if (!tf.getGradient('Exp')) await import('@tensorflow/tfjs-layers')
    registerKernels()
    const { compile, precision, workers } = await compiler(name, options)
    expected(!several || workers, 'several workers need native TensorFlow as Selfsup installs it', {
      code: 'engine-missing',
      fix: 'install it on each machine',
    })
    const group = several && { workers }
    return { name, description, precision, gpu: usesGpu(), missing, compile, memory, ...group }
  }
  throw new SelfsupError('no engine could be started')
}

/** How the engine that was started compiles steps, and in what they compute. */
async function compiler(
  name: EngineName,
  options: EngineOptions,
): Promise<Pick<Engine, 'compile' | 'precision' | 'workers'>> {
  const plain = { compile: tidyStep, precision: 'float32' } as const
  if (name === 'webgpu') {
    const { compileForWebgpu } = await import('./webgpu/start-webgpu.js')
    return {
      compile: (step, { eager = isSet('SELFSUP_EAGER') } = {}) =>
        eager ? tidyStep(step) : compileForWebgpu(step),
      precision: 'float32',
    }
  }
  if (name !== 'tensorflow') return plain
  const { TensorflowBackend, compileStep } = await loadTensorflowPackage()
  const backend = tf.backend()
  if (!(backend instanceof TensorflowBackend)) return plain // the user's own tfjs-node
  const byXla = options.xla ?? backend.xla
  const mixed = backend.mixedPrecision === 'bfloat16' && !isSet('SELFSUP_EAGER')
  return {
    compile: (step, { eager = isSet('SELFSUP_EAGER'), xla = byXla, calls, precision } = {}) =>
      eager ? tidyStep(step) : compileStep(backend, step, { xla, calls, precision }),
    precision: mixed ? 'mixed-bfloat16' : 'float32',
    ...(backend.workers && { workers: backend.workers }),
  }
}

function wantedEngine(asked: EngineName | 'auto'): EngineName | 'auto' {
  const wanted = asked === 'auto' ? (process.env.SELFSUP_ENGINE ?? 'auto') : asked
  const found = ([...names, 'auto'] as const).find((name) => name === wanted)
  expected(found, `engine must be one of ${names.join(', ')}, auto; got ${wanted}`)
  return found
}

/** The check of the GPU, once in a process. */
let checked: Promise<void> | undefined

/** Each makes its backend the current one and says what it is. */
const start: Record<EngineName, (threads: number, options: EngineOptions) => Promise<string>> = {
  async tensorflow(threads, { mixedPrecision, memoryGrowth, xla, workers }) {
    const { loadTensorflow, checkDevice } = await loadTensorflowPackage()
    const { source, version, settings, folder } = await loadTensorflow({
      threads,
      mixedPrecision,
      memoryGrowth,
      xla,
      workers: checkedWorkers(workers),
    })
    await use('tensorflow')
    if (usesGpu()) checked ??= checkDevice(folder)
    await checked
    const library = source === 'selfsup' ? `TensorFlow ${version}` : `${source} ${version}`
    const emulated = settings?.emulated ? ', emulated' : ''
    const mixed = settings?.mixedPrecision === 'bfloat16' ? `, mixed precision (bfloat16${emulated})` : ''
    return `native ${library}, ${usesGpu() ? 'GPU, ' : ''}${plural(threads)}${mixed}`
  },
  async webgpu(_, { engine = 'auto' }) {
    const { startWebgpu } = await import('./webgpu/start-webgpu.js')
    const description = await startWebgpu({
      software: engine === 'webgpu' || process.env.SELFSUP_ENGINE === 'webgpu',
    })
    await use('webgpu')
    return description
  },
  async wasm(threads) {
    const wasm = await loadWasmPackage()
    const started = await startWasm(wasm, threads)
    await use('wasm')
    return `WebAssembly (tfjs-backend-wasm ${wasm.version_wasm}), ${plural(started)}`
  },
  async cpu() {
    const { version_cpu } = await loadCpuPackage()
    await use('cpu')
    const backend = tf.backend() as { firstUse?: boolean }
    backend.firstUse = false // or the first operation prints a banner that recommends another engine
    return `plain JavaScript (tfjs-backend-cpu ${version_cpu}), 1 thread`
  },
}

function usesGpu(): boolean {
  return (tf.backend() as { isUsingGpuDevice?: boolean }).isUsingGpuDevice === true
}

async function use(name: EngineName): Promise<void> {
  const done = await tf.setBackend(name)
  expected(done, `the ${titles[name]} engine is there but does not start`)
  await tf.ready()
}

function plural(threads: number): string {
  return threads === 1 ? '1 thread' : `${threads} threads`
}

function memory() {
  const { numTensors, numBytes } = tf.memory()
  return { tensors: numTensors, bytes: numBytes, resident: process.memoryUsage.rss() }
}
