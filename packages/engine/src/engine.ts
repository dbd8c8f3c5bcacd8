import type { ErrorCode } from '@selfsup/core'
import type { TensorContainer } from '@tensorflow/tfjs-core'

/** Names of the engines, fastest first: native TensorFlow, WebAssembly, plain JavaScript. */
export type EngineName = 'tensorflow' | 'wasm' | 'cpu'

/** In what compiled steps compute: see `Engine.precision`. */
export type Precision = 'float32' | 'mixed-bfloat16'

/** An engine that cannot be used here. */
export interface MissingEngine {
  readonly name: EngineName
  /** what it is, for a person */
  readonly title: string
  /** why it cannot be used */
  readonly reason: string
  /** what to do about it */
  readonly fix?: string
  readonly code?: ErrorCode
}

/** A TensorFlow.js backend made ready. */
export interface Engine {
  readonly name: EngineName
  /** one line: what it is and which version */
  readonly description: string
  /**
   * in what compiled steps compute. `mixed-bfloat16`: convolutions and matrix products of networks take bfloat16 and add up
   * in float32; weights, optimiser state, statistics, losses and all else are float32
   */
  readonly precision: Precision
  /** the faster engines that could not be used, and why */
  readonly missing: readonly MissingEngine[]
  /**
   * The step as this engine runs it fastest: same arguments, same results; intermediate tensors are freed.
   *
   * A step must be a pure function of its tensors, so that an engine may capture it once and run it as one
   * graph: it reads no tensor on the host, draws no host randomness, and whatever changes from call to call
   * (learning rate, seed) comes in as a tensor, not as a number. Variables may be assigned inside. Arguments
   * that are no tensors (a phase's name) are part of what a captured step is kept under. Native TensorFlow captures;
   * the step then runs while JavaScript goes on, until its values are read. Other engines run it within `tf.tidy`.
   * @throws SelfsupError on the first call, where the step cannot be captured: what it does, where, what to do instead
   */
  compile<Args extends unknown[], Result extends TensorContainer>(
    step: (...args: Args) => Result,
    options?: CompileOptions,
  ): CompiledStep<Args, Result>
  /** What is held now: tensors and their bytes as TensorFlow.js counts them, and the process' resident bytes. */
  memory(): EngineMemory
}

/** What `Engine.compile` gives. */
export type CompiledStep<Args extends unknown[], Result extends TensorContainer> = ((
  ...args: Args
) => Result) & {
  /** how many forms of arguments it is captured for now */
  readonly captures: number
  /** frees what was captured; a later call captures anew */
  dispose(): void
}

/** How a step is compiled. */
export interface CompileOptions {
  /** run it as it is, one operation after another: for a step that cannot be captured. Default $SELFSUP_EAGER */
  readonly eager?: boolean
  /** `float32`: the step computes in float32, whatever the engine's precision is */
  readonly precision?: 'float32'
  /**
   * Through XLA, where the engine has it; 'auto': where XLA has all of the step's operations, and `calls` are enough for
   * what its compiling costs. Faster on GPUs, slower on processors (measured). Default that of `prepareEngine`
   */
  readonly xla?: boolean | 'auto'
  /** about how often the step will be called, which decides on `xla: 'auto'`; default seldom */
  readonly calls?: number
}

export interface EngineMemory {
  readonly tensors: number
  readonly bytes: number
  readonly resident: number
}
