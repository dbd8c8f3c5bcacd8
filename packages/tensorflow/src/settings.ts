import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { SelfsupError } from '@selfsup/core'
import { encodeConfig } from './config.js'
import type { TensorflowInstallation } from './find.js'
import { hasNvidiaDriver } from './platform.js'

/** How TensorFlow works, as far as one chooses it; counts for the first load in a process. */
export interface TensorflowOptions {
  /** threads inside an operation; default all processors that this process may use */
  readonly threads?: number
  /**
   * operations at a time; default 1, where TensorFlow has a GPU as many as `threads`. Each takes all threads by itself: two at
   * a time stand in each other's way.
   */
  readonly operations?: number
  /**
   * Mixed precision: in compiled steps, convolutions and matrix products of networks take bfloat16 and add up in float32;
   * weights, optimiser state, statistics, losses and all else are float32. On processors without instructions for
   * bfloat16, `on` rounds to it and computes in float32, which is not faster.
   * Default $SELFSUP_MIXED_PRECISION, else 'auto': on for processors with AMX or AVX512-BF16, off elsewhere.
   */
  readonly mixedPrecision?: MixedPrecision
  /** take a GPU's memory as it is needed, not all at once; default true, unless $SELFSUP_GPU_MEMORY is `all` */
  readonly memoryGrowth?: boolean
  /**
   * Steps are compiled by XLA. Default $SELFSUP_XLA, else 'auto' on GPUs: where XLA has all of a step's operations and it
   * will be called often enough; never on processors, where it is slower.
   */
  readonly xla?: Xla
}

export type MixedPrecision = 'auto' | 'on' | 'off'

/** Whether a step is compiled by XLA; 'auto': if XLA has all of its operations, and it will be called often. */
export type Xla = boolean | 'auto'

/** What came of the options, the environment and the machine. */
export interface TensorflowSettings {
  readonly threads: number
  readonly operations: number
  readonly mixedPrecision: 'bfloat16' | 'off'
  /** bfloat16 is emulated, for the same numbers as elsewhere without the speed */
  readonly emulated: boolean
  /** whether the processor, or GPU, has instructions for that */
  readonly fast: boolean
  readonly memoryGrowth: boolean
  readonly xla: Xla
  readonly gpu: boolean
  /** whether operations on the processor are oneDNN's */
  readonly oneDnn: boolean
}

/** What the choice looks at, for tests. */
export interface Surroundings {
  readonly env: NodeJS.ProcessEnv
  readonly arch: string
  /** the processor's features, as Linux lists them */
  readonly features: readonly string[]
  readonly gpu: boolean
}

/**
 * The settings that `loadTensorflow` would load with.
 * @throws SelfsupError where an option or a variable of the environment is none of its choices
 */
export function tensorflowSettings(
  options: TensorflowOptions = {},
  { env, arch, features, gpu }: Surroundings = surroundings(),
): TensorflowSettings {
  const threads = options.threads ?? count(env, 'TF_NUM_INTRAOP_THREADS') ?? availableParallelism()
  const operations = options.operations ?? count(env, 'TF_NUM_INTEROP_THREADS') ?? (gpu ? threads : 1)
  const fast = gpu || features.includes('amx_bf16') || features.includes('avx512_bf16')
  const wanted = options.mixedPrecision ?? env.SELFSUP_MIXED_PRECISION ?? 'auto'
  if (wanted !== 'auto' && wanted !== 'on' && wanted !== 'off')
    throw new SelfsupError(`mixed precision must be auto, on or off; got ${wanted}`)
  const xla = options.xla ?? chosen(env, 'SELFSUP_XLA') ?? (gpu ? 'auto' : false)
  // Not by default on GPUs: bfloat16's gain there has not been measured.
  const on = wanted === 'on' || (wanted === 'auto' && fast && !gpu)
  return {
    threads,
    operations,
    mixedPrecision: on ? 'bfloat16' : 'off',
    emulated: on && !fast,
    fast,
    memoryGrowth: options.memoryGrowth ?? env.SELFSUP_GPU_MEMORY !== 'all',
    xla,
    gpu,
    oneDnn: (arch === 'x64' && env.TF_ENABLE_ONEDNN_OPTS !== '0') || env.TF_ENABLE_ONEDNN_OPTS === '1',
  }
}

/** The settings as TensorFlow takes them: a serialized ConfigProto. */
export function configOf({ threads, operations, memoryGrowth, gpu }: TensorflowSettings): Uint8Array {
  // Strings, and some operations on integers, are the processor's even where there is a GPU.
  return encodeConfig({ threads, operations, softPlacement: gpu || undefined, memoryGrowth })
}

/** This machine, as an installation sees it. */
export function surroundings(installation?: TensorflowInstallation): Surroundings {
  return {
    env: process.env,
    arch: process.arch,
    features: processorFeatures(),
    gpu: Boolean(installation?.cuda) && hasNvidiaDriver() && process.env.CUDA_VISIBLE_DEVICES !== '',
  }
}

function processorFeatures(): string[] {
  try {
    const flags = /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))
    return (flags?.[1] ?? '').trim().split(/\s+/)
  } catch {
    return [] // not Linux: there is no other such processor for which there is a wheel
  }
}

/** Of a variable that says yes, no or auto; undefined where it says nothing. */
function chosen(env: NodeJS.ProcessEnv, name: string): Xla | undefined {
  const value = env[name]
  if (value === undefined || value === '') return undefined
  return value === 'auto' ? value : value !== '0'
}

function count(env: NodeJS.ProcessEnv, name: string): number | undefined {
  const value = Number(env[name])
  return Number.isInteger(value) && value > 0 ? value : undefined
}
