import type { TensorContainer } from '@tensorflow/tfjs-core'

/** Names of the engines, fastest first: native TensorFlow, WebAssembly, plain JavaScript. */
export type EngineName = 'tensorflow' | 'wasm' | 'cpu'

/** A TensorFlow.js backend made ready. */
export interface Engine {
  readonly name: EngineName
  /** one line: what it is and which version */
  readonly description: string
  /** in one line each, why a faster engine was not taken and the command that mends it */
  readonly missing: readonly string[]
  /**
   * The step as this engine runs it fastest: same arguments, same results; intermediate tensors are freed.
   *
   * A step must be a pure function of its tensors, so that an engine may record it once and replay it as one
   * graph: it reads no tensor on the host, draws no host randomness, and whatever changes from call to call
   * (learning rate, seed) comes in as a tensor, not as a number. Variables may be assigned inside. Arguments
   * that are no tensors (a phase's name) are part of what a recording is kept under. Where an engine cannot
   * record, as for now all of them, the step runs as it is within `tf.tidy`.
   */
  compile<Args extends unknown[], Result extends TensorContainer>(
    step: (...args: Args) => Result,
  ): (...args: Args) => Result
  /** What is held now: tensors and their bytes as TensorFlow.js counts them, and the process' resident bytes. */
  memory(): EngineMemory
}

export interface EngineMemory {
  readonly tensors: number
  readonly bytes: number
  readonly resident: number
}
