import type { ErrorCode } from '@selfsup/core'
import type { TensorContainer } from '@tensorflow/tfjs-core'
import type { Workers } from './workers.js'

/** Names of the engines, fastest first: native TensorFlow, WebGPU on a GPU, WebAssembly, plain JavaScript. */
export type EngineName = 'tensorflow' | 'webgpu' | 'wasm' | 'cpu'

/** Precision of compiled steps: see `Engine.precision`. */
export type Precision = 'float32' | 'mixed-bfloat16'

/** An engine that is not available. */
export interface MissingEngine {
  readonly name: EngineName
  /** display name */
  readonly title: string
  /** why it is not available */
  readonly reason: string
  /** how to make it available */
  readonly fix?: string
  readonly code?: ErrorCode
  /** the folder that causes the problem */
  readonly path?: string
}

/** A TensorFlow.js backend that is ready to use. */
export interface Engine {
  readonly name: EngineName
  /** one line with name and version */
  readonly description: string
  /**
   * precision of compiled steps. `mixed-bfloat16`: convolutions and matrix products of networks take bfloat16 operands and
   * accumulate in float32; weights, optimiser state, statistics, losses and everything else are float32
   */
  readonly precision: Precision
  /** whether it computes on a GPU */
  readonly gpu: boolean
  /** faster engines that are not available, and why */
  readonly missing: readonly MissingEngine[]
  /**
   * Compiles a step. The result takes the same arguments and returns the same results; intermediate tensors are freed.
   *
   * A step must be a pure function of its tensors, so that an engine can capture it once and run it as one graph. It must
   * not read tensors on the host or draw random numbers on the host. Pass values that change between calls (learning rate,
   * seed) as tensors, not as numbers. A step may assign variables. Native TensorFlow captures the step once per form of
   * its arguments (shapes, types, and values that are not tensors, such as a phase's name) and then runs it without
   * blocking JavaScript until its values are read. WebGPU runs it once per form, records the commands of the device and repeats
   * them; a step that is not such a function runs operation by operation there. Other engines run it within `tf.tidy`.
   * @throws SelfsupError in the first call if native TensorFlow cannot capture the step; says which operation, where, and what to
   *   do
   */
  compile<Args extends unknown[], Result extends TensorContainer>(
    step: (...args: Args) => Result,
    options?: CompileOptions,
  ): CompiledStep<Args, Result>
  /** the workers that train together, if this process is one of several */
  readonly workers?: Workers
  /** Current memory: tensors and their bytes as TensorFlow.js counts them, and the process's resident bytes. */
  memory(): EngineMemory
}

/** The result of `Engine.compile`. */
export type CompiledStep<Args extends unknown[], Result extends TensorContainer> = ((
  ...args: Args
) => Result) & {
  /** number of argument forms that are captured (WebGPU: recorded) now */
  readonly captures: number
  /** whether the last call ran what XLA compiled */
  readonly byXla: boolean
  /** whether XLA is compiling for the form of the last call's arguments in the background; until then, calls run without XLA */
  readonly compiling: boolean
  /** Compiles for arguments of this form without running the step, and waits for XLA if it is used. */
  prepare(...args: Args): Promise<void>
  /** Frees the captured forms. A later call captures again. */
  dispose(): void
}

/** Options of `Engine.compile`. */
export interface CompileOptions {
  /** run the step operation by operation, for a step that cannot be captured. Default $SELFSUP_EAGER */
  readonly eager?: boolean
  /** `float32`: the step computes in float32, whatever the engine's precision */
  readonly precision?: 'float32'
  /**
   * Compile with XLA if the engine has it. `true`: the first call waits for XLA, so all calls compute the same way. 'auto': if
   * XLA supports all of the step's operations and `calls` is large enough to recover the compile time; calls run without XLA
   * until it has compiled the step in the background. Then results differ by rounding, and when that happens depends on time.
   * XLA is faster on GPUs and slower on CPUs (measured). Default: the setting of `prepareEngine`
   */
  readonly xla?: boolean | 'auto'
  /** approximate number of calls, which decides for `xla: 'auto'`; the default is too low for XLA */
  readonly calls?: number
}

export interface EngineMemory {
  readonly tensors: number
  readonly bytes: number
  readonly resident: number
}
