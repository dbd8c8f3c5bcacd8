import * as tf from '@tensorflow/tfjs-core'
import { type Addon, precisions } from './addon.js'
import type { TensorflowSettings, Xla } from './settings.js'
import type { TensorStore } from './tensor-store.js'
import { typeNames, typeNumbers } from './tensor-types.js'

/** Bytes that one constant made on the host may have in a captured step. */
const LARGEST_CONSTANT = 1 << 20

/** How a function is captured. */
export interface CaptureMode {
  /** whether XLA compiles it; 'auto': if XLA has all of its operations */
  readonly xla: Xla
  /** in the backend's mixed precision instead of float32 */
  readonly mixed: boolean
}

/** TensorFlow functions, made of the operations that run while a step is captured. */
export class CompiledFunctions {
  /** the mode of the function that is being captured */
  capturing: { readonly xla: boolean; readonly mixed: boolean } | undefined
  /** for tests: gets the nodes of each captured function, as text */
  onCapture?: (nodes: readonly string[]) => void
  private captures = 0
  private xlaIsAwake = false

  constructor(
    private readonly addon: Addon,
    private readonly exchange: Int32Array,
    private readonly store: TensorStore,
    readonly precision: Pick<TensorflowSettings, 'mixedPrecision' | 'emulated'>,
  ) {}

  /**
   * Runs `body`, whose operations are captured, and makes a function of what it returns.
   * @returns the tensors from outside that the function takes, in order; undefined for `xla: 'auto'` where XLA cannot
   *   compile it
   */
  capture(
    name: string,
    { xla, mixed }: CaptureMode,
    body: () => readonly tf.TensorInfo[],
  ): tf.DataId[] | undefined {
    const { addon, store } = this
    if (xla === 'auto' || (xla && mixed)) this.wakeXla() // its list of kernels is needed
    const inBfloat16 = this.precision.emulated && xla === false ? 'emulated' : 'bfloat16'
    const precision = mixed && this.precision.mixedPrecision === 'bfloat16' ? inBfloat16 : 'float32'
    const weights = precision === 'float32' ? 0 : this.writeWeights()
    addon.beginCapture(LARGEST_CONSTANT, precisions[precision], xla !== false, weights)
    store.capture = ++this.captures
    this.capturing = { xla: xla !== false, mixed: precision !== 'float32' }
    store.outside.clear()
    try {
      const outputs = body()
      this.onCapture?.(addon.describeCapture())
      store.writeNumbers(outputs)
      const inputs = addon.endCapture(name, outputs.length, xla !== false, xla === 'auto')
      if (inputs < 0) return undefined
      return Array.from(this.exchange.subarray(0, inputs), (tensor) => store.outside.get(tensor)!)
    } finally {
      store.capture = 0
      this.capturing = undefined
      store.outside.clear()
      addon.abortCapture()
    }
  }

  /** Calls a function. The call is queued: its results can be used at once and read when it is done. */
  call(
    name: string,
    inputs: readonly tf.DataId[],
    results: readonly { readonly shape: number[]; readonly dtype: tf.DataType }[],
  ): tf.Tensor[] {
    for (const [i, input] of inputs.entries()) this.exchange[i] = this.store.numberOf(input)
    this.addon.call(name, inputs.length, results.length)
    const numbers = Array.from(this.exchange.subarray(0, results.length))
    return results.map(({ shape, dtype }, i) => this.store.wrap(numbers[i]!, typeNumbers[dtype], shape))
  }

  /** Shape and type of what is behind a tensor. */
  factsOf(dataId: tf.DataId): { shape: number[]; dtype: tf.DataType } {
    const { shape, type } = this.store.get(dataId)
    return { shape, dtype: typeNames.get(type)! }
  }

  remove(name: string): void {
    this.addon.removeFunction(name)
  }

  /** Writes the numbers of the variables that may be weights of products to the exchange buffer. @returns how many */
  private writeWeights(): number {
    const numbers = Object.values(tf.engine().registeredVariables)
      .filter(({ dtype, rank, dataId }) => dtype === 'float32' && rank > 1 && this.store.find(dataId))
      .map(({ dataId }) => this.store.numberOf(dataId))
    this.exchange.set(numbers)
    return numbers.length
  }

  /** XLA lists its operations only after it has compiled a first function. */
  private wakeXla(): void {
    if (this.xlaIsAwake) return
    this.xlaIsAwake = true
    const name = 'selfsup_wake_xla'
    try {
      this.addon.wait()
    } catch {
      // an earlier step failed; whoever reads its values gets the error
    }
    tf.tidy(() => {
      const inputs = this.capture(name, { xla: true, mixed: false }, () => [tf.square(tf.scalar(1))])!
      this.call(name, inputs, [{ shape: [], dtype: 'float32' }])
      this.addon.wait()
    })
    this.remove(name)
  }
}
