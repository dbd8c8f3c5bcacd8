import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { SelfsupError } from '@selfsup/core'
import { encodeConfig } from './config.js'
import type { TensorflowInstallation } from './find.js'
import { hasNvidiaDriver } from './platform.js'
import { GROUP_LEADER, type WorkerAddresses } from './server-def.js'

/** Options of TensorFlow. Only the first load in a process uses them. */
export interface TensorflowOptions {
  /** threads per operation; default all processors that this process may use */
  readonly threads?: number
  /**
   * operations that run at the same time; default 1, with a GPU as many as `threads`. One operation already uses all
   * threads, so two at a time slow each other down.
   */
  readonly operations?: number
  /**
   * Mixed precision: in compiled steps, convolutions and matrix products of networks take bfloat16 operands and accumulate
   * in float32. Weights, optimiser state, statistics, losses and everything else are float32. On processors without
   * bfloat16 instructions, `on` rounds operands to bfloat16 and computes in float32, which is not faster.
   * Default $SELFSUP_MIXED_PRECISION, otherwise 'auto': on for processors with AMX or AVX512-BF16, off otherwise.
   */
  readonly mixedPrecision?: MixedPrecision
  /** allocate GPU memory as needed instead of all at once; default true, unless $SELFSUP_GPU_MEMORY is `all` */
  readonly memoryGrowth?: boolean
  /**
   * Compile steps with XLA. Default $SELFSUP_XLA, otherwise 'auto' on GPUs: use XLA if it supports all operations of a step
   * and the step is called often enough. Default false on CPUs, where XLA is slower.
   */
  readonly xla?: Xla
  /** the processes of a training run with several workers; default: this process is alone */
  readonly workers?: WorkerAddresses
}

export type MixedPrecision = 'auto' | 'on' | 'off'

/** Whether XLA compiles a step; 'auto': if XLA supports all of its operations and it is called often. */
export type Xla = boolean | 'auto'

/** The settings that result from the options, the environment and the machine. */
export interface TensorflowSettings {
  readonly threads: number
  readonly operations: number
  readonly mixedPrecision: 'bfloat16' | 'off'
  /** whether bfloat16 is emulated: the same numbers as with bfloat16 instructions, without the speed */
  readonly emulated: boolean
  /** whether the processor or GPU has bfloat16 instructions */
  readonly fast: boolean
  readonly memoryGrowth: boolean
  readonly xla: Xla
  /** folder where XLA keeps compiled programs for later processes; undefined if they are not kept */
  readonly xlaCache?: string
  readonly gpu: boolean
  /** whether operations on the CPU use oneDNN */
  readonly oneDnn: boolean
  readonly workers?: WorkerAddresses
}

/** The environment and machine that settings depend on. Tests replace them. */
export interface TensorflowEnvironment {
  readonly env: NodeJS.ProcessEnv
  readonly arch: string
  /** CPU flags, as Linux lists them */
  readonly features: readonly string[]
  readonly gpu: boolean
}

/**
 * The settings that `loadTensorflow` uses.
 * @throws SelfsupError if an option or environment variable has an invalid value
 */
export function tensorflowSettings(
  options: TensorflowOptions = {},
  { env, arch, features, gpu }: TensorflowEnvironment = detectEnvironment(),
): TensorflowSettings {
  const threads = options.threads ?? count(env, 'TF_NUM_INTRAOP_THREADS') ?? availableParallelism()
  const operations = options.operations ?? count(env, 'TF_NUM_INTEROP_THREADS') ?? (gpu ? threads : 1)
  const fast = gpu || features.includes('amx_bf16') || features.includes('avx512_bf16')
  const wanted = options.mixedPrecision ?? env.SELFSUP_MIXED_PRECISION ?? 'auto'
  if (wanted !== 'auto' && wanted !== 'on' && wanted !== 'off')
    throw new SelfsupError(`mixedPrecision must be auto, on or off; got ${wanted}`)
  const xla = options.xla ?? chosen(env, 'SELFSUP_XLA') ?? (gpu ? 'auto' : false)
  // Off by default on GPUs, where the gain of bfloat16 was not measured.
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
    ...(options.workers && { workers: options.workers }),
    oneDnn: (arch === 'x64' && env.TF_ENABLE_ONEDNN_OPTS !== '0') || env.TF_ENABLE_ONEDNN_OPTS === '1',
  }
}

/** The settings as a serialized ConfigProto for TensorFlow. */
export function configOf(settings: TensorflowSettings): Uint8Array {
  const { threads, operations, memoryGrowth, gpu, workers } = settings
  return encodeConfig({
    threads,
    operations,
    softPlacement: gpu || undefined, // operations on strings, and some on integers, run on the CPU even with a GPU
    memoryGrowth,
    groupLeader: workers && GROUP_LEADER,
  })
}

/** The environment and machine, for an installation. */
export function detectEnvironment(installation?: TensorflowInstallation): TensorflowEnvironment {
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
    return [] // not Linux: no other platform with such processors has a wheel
  }
}

/** Reads an environment variable with the value 1, 0 or auto; undefined if it is unset or empty. */
function chosen(env: NodeJS.ProcessEnv, name: string): Xla | undefined {
  const value = env[name]
  if (value === undefined || value === '') return undefined
  return value === 'auto' ? value : value !== '0'
}

function count(env: NodeJS.ProcessEnv, name: string): number | undefined {
  const value = Number(env[name])
  return Number.isInteger(value) && value > 0 ? value : undefined
}
