import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { SelfsupError } from '@selfsup/core'
import { type Config, encodeConfig } from './config.js'
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
   * Compiled steps compute convolutions and matrix products in half the bits, weights stay float32: bfloat16 on
   * processors, float16 on GPUs. Default $SELFSUP_MIXED_PRECISION, else 'auto': on for processors with AMX or
   * AVX512-BF16, off elsewhere.
   */
  readonly mixedPrecision?: MixedPrecision
  /** take a GPU's memory as it is needed, not all at once; default true, unless $SELFSUP_GPU_MEMORY is `all` */
  readonly memoryGrowth?: boolean
  /** steps will be compiled by XLA, which knows no operations of our own; default $SELFSUP_XLA */
  readonly xla?: boolean
}

export type MixedPrecision = 'auto' | 'on' | 'off'

/** What came of the options, the environment and the machine. */
export interface TensorflowSettings {
  readonly threads: number
  readonly operations: number
  readonly mixedPrecision: 'bfloat16' | 'float16' | 'off'
  /** whether the processor, or GPU, has instructions for that */
  readonly fast: boolean
  readonly memoryGrowth: boolean
  readonly xla: boolean
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
  // float16 wants its losses scaled, which steps do not do: never by itself.
  const on = wanted === 'on' || (wanted === 'auto' && fast && !gpu)
  return {
    threads,
    operations,
    mixedPrecision: on ? (gpu ? 'float16' : 'bfloat16') : 'off',
    fast,
    memoryGrowth: options.memoryGrowth ?? env.SELFSUP_GPU_MEMORY !== 'all',
    xla: options.xla ?? !['', '0', undefined].includes(env.SELFSUP_XLA),
    oneDnn: (arch === 'x64' && env.TF_ENABLE_ONEDNN_OPTS !== '0') || env.TF_ENABLE_ONEDNN_OPTS === '1',
  }
}

/** The settings as TensorFlow takes them: a serialized ConfigProto. */
export function configOf({
  threads,
  operations,
  mixedPrecision,
  memoryGrowth,
}: TensorflowSettings): Uint8Array {
  const rewrites: Config['rewrites'] = mixedPrecision === 'off' ? undefined : { mixedPrecision }
  return encodeConfig({ threads, operations, memoryGrowth, rewrites })
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

function count(env: NodeJS.ProcessEnv, name: string): number | undefined {
  const value = Number(env[name])
  return Number.isInteger(value) && value > 0 ? value : undefined
}
