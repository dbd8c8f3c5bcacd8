import type { TensorTree } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { type Addon, precisions } from './addon.js'
import type { TensorflowSettings, Xla } from './settings.js'
import type { TensorStore } from './tensor-store.js'
import { typeNames, typeNumbers } from './tensor-types.js'
import { clearXlaCache } from './xla-cache.js'

/** Maximum size in bytes of a constant that a captured step creates on the host. */
const LARGEST_CONSTANT = 1 << 20

/** How a function is captured. */
export interface CaptureMode {
  /** whether XLA compiles it; 'auto': if XLA supports all of its operations */
  readonly xla: Xla
  /** use the backend's mixed precision instead of float32 */
  readonly mixed: boolean
}

/** TensorFlow functions built from the operations that run while a step is captured. */
export class CompiledFunctions {
  /** the mode of the function that is being captured */
  capturing: { readonly xla: boolean; readonly mixed: boolean } | undefined
  /** for tests: receives the nodes of each captured function as text */
  onCapture?: (nodes: readonly string[]) => void
  private captures = 0
  private xlaInitialized = false

  constructor(
    private readonly addon: Addon,
    private readonly exchange: Int32Array,
    private readonly store: TensorStore,
    readonly precision: Pick<TensorflowSettings, 'mixedPrecision' | 'emulated' | 'xlaCache'>,
  ) {}

  /**
   * Runs `body` while capturing its operations, and creates a function that returns what `body` returns.
   * @returns the function's name, and the outside tensors that it takes, in order; undefined if `xla` is 'auto' and XLA
   *   cannot compile the function
   */
  capture(
    { xla, mixed }: CaptureMode,
    body: () => readonly tf.TensorInfo[],
  ): { readonly name: string; readonly inputs: tf.DataId[] } | undefined {
    const { addon, store } = this
    if (xla === 'auto' || (xla && mixed)) this.initializeXla() // its list of kernels is needed
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
      const count = addon.endCapture(outputs.length, xla !== false, xla === 'auto')
      if (count < 0) return undefined
      const inputs = Array.from(this.exchange.subarray(0, count), (tensor) => store.outside.get(tensor)!)
      return { name: addon.capturedName(), inputs }
    } finally {
      store.capture = 0
      this.capturing = undefined
      store.outside.clear()
      addon.abortCapture()
    }
  }

  /** Queues a call of a function. Its results can be used immediately and read when the call is done. */
  call(
    name: string,
    inputs: readonly tf.DataId[],
    results: readonly { readonly shape: number[]; readonly dtype: tf.DataType }[],
  ): tf.Tensor[] {
    this.writeInputs(inputs)
    this.addon.call(name, inputs.length, results.length)
    const numbers = Array.from(this.exchange.subarray(0, results.length))
    return results.map(({ shape, dtype }, i) => this.store.wrap(numbers[i]!, typeNumbers[dtype], shape))
  }

  /**
   * Lets XLA compile a function on this thread, by running it once.
   * @returns whether it is compiled; false if a damaged file of XLA's cache prevented it. The file is removed then, but XLA
   *   remembers the error for the function's name: capture it again while this function exists
   * @throws Error if XLA can't compile or run it
   */
  compileNow(name: string, inputs: readonly tf.DataId[], outputs: number): boolean {
    this.writeInputs(inputs)
    try {
      this.addon.compileFunction(name, inputs.length, outputs, true)
      return true
    } catch (error) {
      if (this.clearsCache(error)) return false
      throw error
    }
  }

  /** The same on another thread, while steps run. */
  async compileMeanwhile(name: string, inputs: readonly tf.DataId[], outputs: number): Promise<boolean> {
    this.writeInputs(inputs)
    try {
      await this.addon.compileFunction(name, inputs.length, outputs, false)
      return true
    } catch (error) {
      if (this.clearsCache(error)) return false
      throw error
    }
  }

  /** Whether an error may come from a damaged file of XLA's cache, which is then emptied. */
  private clearsCache(error: unknown): boolean {
    const { xlaCache } = this.precision
    const damaged =
      /parse|read less|serializ|no binary found|does not match|\.pb\b|truncated|corrupt|data loss/i
    if (!xlaCache || !(error instanceof Error) || !damaged.test(error.message)) return false
    clearXlaCache(xlaCache)
    return true
  }

  private writeInputs(inputs: readonly tf.DataId[]): void {
    for (const [i, input] of inputs.entries()) this.exchange[i] = this.store.inputOf(input)
  }

  /** Shape and type of a tensor's data. */
  factsOf(dataId: tf.DataId): { shape: number[]; dtype: tf.DataType } {
    const { shape, type } = this.store.get(dataId)
    return { shape, dtype: typeNames.get(type)! }
  }

  /** The form of a step's arguments: shapes, types, plain values, and which tensors are bytes. */
  formOf({ form, tensors }: TensorTree): string {
    const bytes = tensors.flatMap(({ dataId }, i) => (this.store.get(dataId).bytes ? [i] : []))
    return bytes.length > 0 ? `${form} (bytes: ${bytes.join(', ')})` : form
  }

  remove(name: string): void {
    this.addon.removeFunction(name)
  }

  /** Writes the numbers of all variables that may be weights of products to the exchange. @returns how many */
  private writeWeights(): number {
    const numbers = Object.values(tf.engine().registeredVariables)
      .filter(({ dtype, rank, dataId }) => dtype === 'float32' && rank > 1 && this.store.find(dataId))
      .map(({ dataId }) => this.store.numberOf(dataId))
    this.exchange.set(numbers)
    return numbers.length
  }

  /** XLA lists its operations only after it has compiled a first function. */
  private initializeXla(): void {
    if (this.xlaInitialized) return
    this.xlaInitialized = true
    try {
      this.addon.wait()
    } catch {
      // An earlier step failed. Reading its values reports the error.
    }
    tf.tidy(() => {
      const names: string[] = []
      for (let compiled = false; !compiled && names.length < 2; ) {
        const { name, inputs } = this.capture({ xla: true, mixed: false }, () => [tf.square(tf.scalar(1))])!
        names.push(name)
        compiled = this.compileNow(name, inputs, 1)
      }
      for (const name of names) this.remove(name)
    })
  }
}
