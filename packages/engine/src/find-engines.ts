import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type ErrorCode, SelfsupError } from '@selfsup/core'
import type { EngineName, MissingEngine } from './engine.js'
import type { EngineOptions } from './engine-options.js'
import { isSet } from './is-set.js'
import { availableCores, describeMachine, type Machine } from './machine.js'
import { loadTensorflowPackage, loadWebgpuBackendPackage } from './peers.js'
import { findAdapter, webgpuHost } from './webgpu/dawn.js'
import { type AdapterReport, describeAdapter } from './webgpu/device.js'

/** Whether an engine is available, and how to make it available. */
export interface EngineAvailability {
  readonly name: EngineName
  /** display name */
  readonly title: string
  readonly available: boolean
  /** version of its library or package */
  readonly version?: string
  /** folder of its library or package */
  readonly folder?: string
  /** why it is not available */
  readonly reason?: string
  /** how to make it available */
  readonly fix?: string
  readonly code?: ErrorCode
  /** the folder that causes the problem */
  readonly path?: string
  /** of WebGPU: the adapter that it would use */
  readonly adapter?: AdapterReport
}

/** The report of `describeEngines`. */
export interface EngineReport {
  readonly machine: Machine
  /** all engines, fastest first */
  readonly engines: readonly EngineAvailability[]
  /** how steps would be compiled; undefined if native TensorFlow is not installed */
  readonly steps?: StepsReport
}

/** How native TensorFlow would run steps with this environment and machine. */
export interface StepsReport {
  readonly compiled: boolean
  readonly xla: boolean | 'auto'
  readonly mixedPrecision: 'bfloat16' | 'off'
  /** whether the processor or GPU has bfloat16 instructions; without them bfloat16 is emulated, which is not faster */
  readonly fastInBfloat16: boolean
  readonly threads: number
  readonly operations: number
  readonly oneDnn: boolean
  /** whether a GPU would be used, as far as is known without loading */
  readonly gpu: boolean
}

/**
 * Finds the engines, fastest first, without starting any. WebGPU comes before WebAssembly where it has a GPU, and
 * last where its adapter computes on the processor: `auto` does not choose it there.
 */
export async function findEngines(): Promise<EngineAvailability[]> {
  const wasm = findPackage('wasm', 'WebAssembly', '@tensorflow/tfjs-backend-wasm')
  const cpu = findPackage('cpu', 'plain JavaScript', '@tensorflow/tfjs-backend-cpu')
  const webgpu = await findWebgpu()
  return [
    await findNative(),
    ...(webgpu.adapter?.software === false ? [webgpu, wasm, cpu] : [wasm, cpu, webgpu]),
  ]
}

/** The engine that `auto` will start, as far as is known without starting one. Faster than `findEngines` if it is native TensorFlow. */
export async function fastestEngine(): Promise<EngineName | undefined> {
  if ((await findNative()).available) return 'tensorflow'
  return (await findEngines()).find(({ available }) => available)?.name
}

async function findWebgpu(): Promise<EngineAvailability> {
  const engine = findPackage('webgpu', 'WebGPU', '@tensorflow/tfjs-backend-webgpu')
  try {
    await loadWebgpuBackendPackage()
    const adapter = describeAdapter(await findAdapter(await webgpuHost()))
    return { ...engine, adapter }
  } catch (error) {
    const { name, title } = engine
    return { name, title, available: false, ...explain(error) }
  }
}

/**
 * Describes the machine and its engines.
 * @param options how steps would be compiled, as `prepareEngine` takes them
 */
export async function describeEngines(
  options: Pick<EngineOptions, 'mixedPrecision' | 'xla'> = {},
): Promise<EngineReport> {
  const [machine, engines, steps] = await Promise.all([
    describeMachine(),
    findEngines(),
    describeSteps(options),
  ])
  return { machine, engines, steps }
}

async function describeSteps(
  options: Pick<EngineOptions, 'mixedPrecision' | 'xla'>,
): Promise<StepsReport | undefined> {
  try {
    const { findTensorflow, detectEnvironment, tensorflowSettings } = await loadTensorflowPackage()
    const found = findTensorflow()
    if (!found) return undefined
    const here = detectEnvironment(found)
    const threads = Number(process.env.TF_NUM_INTRAOP_THREADS) || availableCores()
    const { mixedPrecision, fast, xla, operations, oneDnn } = tensorflowSettings(
      { ...options, threads },
      here,
    )
    return {
      compiled: found.source === 'selfsup' && !isSet('SELFSUP_EAGER'),
      xla,
      mixedPrecision,
      fastInBfloat16: fast,
      threads,
      operations,
      oneDnn,
      gpu: here.gpu,
    }
  } catch (error) {
    if (error instanceof SelfsupError) return undefined // `engines` reports the problem
    throw error
  }
}

async function findNative(): Promise<EngineAvailability> {
  const engine = { name: 'tensorflow', title: 'native TensorFlow' } as const
  try {
    const { findTensorflow } = await loadTensorflowPackage()
    const found = findTensorflow()
    if (!found)
      return {
        ...engine,
        available: false,
        reason: 'not installed',
        code: 'engine-missing',
        fix: 'call installTensorflow() of @selfsup/tensorflow once',
      }
    const title = found.source === 'selfsup' ? engine.title : `native TensorFlow of ${found.source}`
    return { ...engine, title, available: true, version: found.version, folder: found.folder }
  } catch (error) {
    return { ...engine, available: false, ...explain(error) }
  }
}

function findPackage(name: EngineName, title: string, specifier: string): EngineAvailability {
  try {
    const manifest = createRequire(import.meta.url).resolve(`${specifier}/package.json`)
    const { version }: { version: string } = JSON.parse(readFileSync(manifest, 'utf8'))
    return { name, title, available: true, version, folder: manifest.replace(/.package\.json$/, '') }
  } catch {
    return {
      name,
      title,
      available: false,
      reason: `${specifier} is not installed`,
      code: 'package-missing',
      fix: `run: npm install ${specifier}`,
    }
  }
}

/** Reason, fix and code of an error, for an engine that is not available. */
export function explain(error: unknown): Pick<MissingEngine, 'reason' | 'fix' | 'code' | 'path'> {
  if (error instanceof SelfsupError) {
    const { problem, fix, code, path } = error
    return { reason: problem, fix, code, path }
  }
  return { reason: error instanceof Error ? error.message.split('\n')[0]! : String(error) }
}
