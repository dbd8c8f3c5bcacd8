import * as tf from '@tensorflow/tfjs-core'

/** Names of the engines, fastest first: native TensorFlow, WebAssembly, plain JavaScript. */
export type EngineName = 'tensorflow' | 'wasm' | 'cpu'

/** A TensorFlow.js backend made ready. */
export interface Engine {
  readonly name: EngineName
  /** one line: what it is and which version */
  readonly description: string
  /** in one line each, why a faster engine was not taken and the command that mends it */
  readonly missing: readonly string[]
  /** The step as this engine runs it fastest: same arguments, same results; intermediate tensors are freed. */
  compile<Args extends unknown[], Result extends tf.TensorContainer>(
    step: (...args: Args) => Result,
  ): (...args: Args) => Result
}

/** PROVISIONAL: replaced by the engine package's owner; the signature stays. */
export async function prepareEngine(options: { engine?: EngineName | 'auto' } = {}): Promise<Engine> {
  const name = options.engine ?? 'auto'
  if (name === 'tensorflow' || name === 'auto') {
    const { loadTensorflow } = await import('@selfsup/tensorflow')
    await loadTensorflow()
    await tf.setBackend('tensorflow')
  } else if (name === 'wasm') {
    await import('@tensorflow/tfjs-backend-wasm')
    await tf.setBackend('wasm')
  } else {
    await import('@tensorflow/tfjs-backend-cpu')
    await tf.setBackend('cpu')
  }
  await tf.ready()
  return {
    name: tf.getBackend() as EngineName,
    description: tf.getBackend(),
    missing: [],
    compile:
      (step) =>
      (...args) =>
        tf.tidy(() => step(...args)),
  }
}
