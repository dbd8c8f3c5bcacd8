import type { EngineName } from './engine.js'
import type { WorkerOptions } from './workers.js'

/** Which engine, and how many processors it may use. */
export interface EngineOptions {
  /** default 'auto': the fastest there is, or $SELFSUP_ENGINE */
  readonly engine?: EngineName | 'auto'
  /** default all that this process may use; counts for the first preparation in a process */
  readonly threads?: number
  /**
   * Mixed precision in compiled steps on native TensorFlow: see `Engine.precision`. Default $SELFSUP_MIXED_PRECISION, else
   * 'auto': on for processors with AMX or AVX512-BF16. `on` elsewhere emulates bfloat16 on processors, which is not faster.
   * Counts for the first preparation in a process, as does `memoryGrowth`.
   */
  readonly mixedPrecision?: 'auto' | 'on' | 'off'
  /** take a GPU's memory as it is needed instead of all at once; default true, unless $SELFSUP_GPU_MEMORY is `all` */
  readonly memoryGrowth?: boolean
  /**
   * Compile through XLA where `compile` is not told otherwise. `true`: the first call of a step waits for XLA. 'auto': where XLA
   * has all of a step's operations and it will be called often enough; steps run without XLA until it has compiled them in the
   * background. Default $SELFSUP_XLA, else 'auto' on GPUs.
   */
  readonly xla?: boolean | 'auto'
  /**
   * This process is one of several workers, which train together on native TensorFlow. Counts for the first preparation in a
   * process, which starts to listen at the worker's own address.
   */
  readonly workers?: WorkerOptions
}
