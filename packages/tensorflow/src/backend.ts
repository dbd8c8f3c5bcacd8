import { SelfsupError } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { type Addon, attributeKinds, dataTypes, precisions, type TensorValues } from './addon.js'
import { assertNoHostRandomness, inCode } from './host-misuse.js'
import { type Attribute, Operations } from './operations.js'
import type { TensorflowSettings, Xla } from './settings.js'

/** What stands behind a tensor, and its identity for TensorFlow.js, unless that had one before. */
class Data {
  constructor(
    readonly shape: number[],
    readonly type: number,
    /** the addon's number; 0 while the values are still here */
    public tensor: number,
    public values: TensorValues | undefined,
    public refCount: number,
    /** the captured step that it was made in, 0 outside of any; and by which operation of it */
    readonly capture: number,
    readonly by?: string,
  ) {}
}

/** Which operations of our own stand in for TensorFlow's. */
export interface OwnOperations {
  readonly views: boolean
  readonly convolutions: boolean
  /** gradients of convolutions' filters by bfloat16 */
  readonly bfloat16: boolean
  readonly normalisation: boolean
}

const noneOfOurs: OwnOperations = {
  views: false,
  convolutions: false,
  bfloat16: false,
  normalisation: false,
}

/** Bytes that one constant made on the host may have in a captured step. */
const LARGEST_CONSTANT = 1 << 20

const { TF_FLOAT, TF_INT32, TF_UINT8, TF_STRING, TF_COMPLEX64, TF_INT64, TF_BOOL, TF_UINT64 } = dataTypes

const typesOf: Readonly<Record<tf.DataType, number>> = {
  float32: TF_FLOAT,
  int32: TF_INT32,
  bool: TF_BOOL,
  complex64: TF_COMPLEX64,
  string: TF_STRING,
}

/** TensorFlow.js has neither bytes nor 64-bit integers: both are int32 to it. */
const namesOf = new Map<number, tf.DataType>([
  [TF_FLOAT, 'float32'],
  [TF_INT32, 'int32'],
  [TF_UINT8, 'int32'],
  [TF_INT64, 'int32'],
  [TF_UINT64, 'int32'], // within compiled steps alone: keys of random numbers
  [TF_BOOL, 'bool'],
  [TF_COMPLEX64, 'complex64'],
  [TF_STRING, 'string'],
])

/**
 * TensorFlow's C library as a TensorFlow.js backend, with the interface that the kernels of tfjs-node ask of theirs
 * (`executeSingleOutput` and kin). While a step is captured, the same calls add to its graph instead of running.
 */
export class TensorflowBackend extends tf.KernelBackend {
  /** constants that kernels spell attributes with */
  readonly binding = { ...dataTypes, ...attributeKinds, TF_INT: dataTypes.TF_INT32 }
  readonly isUsingGpuDevice: boolean
  readonly isGPUPackage: boolean
  /** operations of our own; they run on the processor: where TensorFlow has a GPU, its own do their work */
  get fused(): OwnOperations {
    if (this.byXla) return noneOfOurs // XLA knows none of them
    return this.capturesMixed ? this.oursMixed : this.ours
  }
  private readonly ours: OwnOperations
  private readonly oursMixed: OwnOperations
  /** whether the step that is being captured computes in mixed precision */
  private capturesMixed = false
  /** whether the step that is being captured is to be compiled by XLA */
  byXla = false
  /** how steps are compiled that do not say how */
  readonly xla: Xla
  /** of compiled steps: what the products of networks take; all else is float32 */
  readonly mixedPrecision: TensorflowSettings['mixedPrecision']
  /** values are rounded to bfloat16 and products computed in float32: the processor has no bfloat16 instructions */
  readonly emulated: boolean
  /** for tests: gets the nodes of each step that is captured, as text */
  onCapture?: (nodes: readonly string[]) => void
  /** of TensorFlow's library */
  readonly version: string
  private readonly exchange: Int32Array
  private readonly operations: Operations
  /** of tensors that had an identity before they came here */
  private readonly moved = new WeakMap<object, Data>()
  private alive = 0
  private capture = 0
  private captures = 0

  /**
   * @param config a serialized ConfigProto; the library's defaults where empty
   * @param settings.mixedPrecision `bfloat16`: convolutions of compiled steps are TensorFlow's, except for gradients of
   * filters
   */
  constructor(
    private readonly addon: Addon,
    config: Uint8Array = new Uint8Array(),
    {
      mixedPrecision = 'off',
      emulated = false,
      xla = false,
    }: Partial<Pick<TensorflowSettings, 'mixedPrecision' | 'emulated' | 'xla'>> = {},
  ) {
    super()
    const { version, gpu, convolutions, bfloat16, exchange } = addon.start(new Int32Array(1 << 16), config)
    this.exchange = exchange
    this.version = version
    this.isUsingGpuDevice = gpu
    this.isGPUPackage = gpu
    const { SELFSUP_CONVOLUTIONS: wanted } = process.env
    const suits = (how: number) => !gpu && (wanted === '1' ? how > 0 : wanted !== '0' && how === 2)
    this.xla = xla
    this.mixedPrecision = mixedPrecision
    this.emulated = emulated
    const ours = { views: !gpu, normalisation: !gpu, convolutions: suits(convolutions), bfloat16: false }
    this.ours = ours
    this.oursMixed = emulated ? ours : { ...ours, convolutions: false, bfloat16: suits(bfloat16) }
    this.operations = new Operations(addon)
  }

  /** Whether convolutions of ours are ever used. */
  get ownConvolutions(): boolean {
    return this.ours.convolutions || this.oursMixed.convolutions || this.oursMixed.bfloat16
  }

  // What kernels call.

  executeSingleInput(name: string, input: tf.TensorInfo): tf.Tensor {
    const type = { name: 'T', type: attributeKinds.TF_ATTR_TYPE, value: typesOf[input.dtype] }
    return this.executeSingleOutput(name, [type], [input])
  }

  executeSingleOutput(
    name: string,
    attributes: readonly Attribute[],
    inputs: readonly tf.TensorInfo[],
  ): tf.Tensor {
    return this.executeMultipleOutputs(name, attributes, inputs, 1)[0]!
  }

  executeMultipleOutputs(
    name: string,
    attributes: readonly Attribute[],
    inputs: readonly tf.TensorInfo[],
    outputs: number,
  ): tf.Tensor[] {
    this.writeNumbers(inputs)
    this.addon.execute(this.operations.numberOf(name, attributes), inputs.length, outputs)
    const results: tf.Tensor[] = []
    for (let i = 0, at = 0; i < outputs; i++) {
      const tensor = this.exchange[at++]!
      const type = this.exchange[at++]!
      const rank = this.exchange[at++]!
      const shape: number[] = []
      for (let axis = 0; axis < rank; axis++) shape.push(this.exchange[at++]!)
      results.push(this.tensorOf(tensor, type, shape, name))
    }
    return results
  }

  createReductionOpAttrs(tensor: tf.TensorInfo, keepDims = false): Attribute[] {
    return [
      { name: 'keep_dims', type: attributeKinds.TF_ATTR_BOOL, value: keepDims },
      { name: 'T', type: attributeKinds.TF_ATTR_TYPE, value: typesOf[tensor.dtype] },
      { name: 'Tidx', type: attributeKinds.TF_ATTR_TYPE, value: TF_INT32 },
    ]
  }

  getDTypeInteger(dtype: tf.DataType): number {
    return typesOf[dtype]
  }

  typeAttributeFromTensor({ dtype }: tf.TensorInfo): number {
    return typesOf[dtype]
  }

  applyActivation(
    x: tf.Tensor,
    activation?: string,
    preluActivationWeights?: tf.Tensor,
    leakyreluAlpha?: number,
  ): tf.Tensor {
    switch (activation ?? 'linear') {
      case 'linear':
        return x
      case 'relu':
        return tf.relu(x)
      case 'relu6':
        return tf.relu6(x)
      case 'elu':
        return tf.elu(x)
      case 'sigmoid':
        return tf.sigmoid(x)
      case 'prelu':
        return tf.prelu(x, preluActivationWeights!)
      case 'leakyrelu':
        return tf.leakyRelu(x, leakyreluAlpha)
      default:
        throw new SelfsupError(`the activation ${activation} is none that can be fused into a layer`)
    }
  }

  // What TensorFlow.js calls.

  override floatPrecision(): 32 {
    return 32
  }

  override epsilon(): number {
    return super.epsilon()
  }

  override numDataIds(): number {
    return this.alive
  }

  override write(values: tf.backend_util.BackendValues, shape: number[], dtype: tf.DataType): tf.DataId {
    return this.onHost(values, shape, dtype, 1)
  }

  override move(
    dataId: tf.DataId,
    values: tf.backend_util.BackendValues,
    shape: number[],
    dtype: tf.DataType,
    refCount: number,
  ): void {
    this.moved.set(dataId, this.onHost(values, shape, dtype, refCount))
  }

  private onHost(
    values: tf.backend_util.BackendValues,
    shape: number[],
    dtype: tf.DataType,
    refCount: number,
  ): Data {
    if (this.capture) assertNoHostRandomness()
    this.alive++
    return new Data(shape, typesOf[dtype], 0, values as TensorValues, refCount, this.capture)
  }

  override async read(dataId: tf.DataId): Promise<tf.backend_util.BackendValues> {
    const { tensor, type } = this.of(dataId)
    return this.valuesOf(dataId) ?? valuesAs(type, await this.addon.read(tensor))
  }

  override readSync(dataId: tf.DataId): tf.backend_util.BackendValues {
    const { tensor, type } = this.of(dataId)
    return this.valuesOf(dataId) ?? valuesAs(type, this.addon.readSync(tensor))
  }

  override disposeData(dataId: tf.DataId, force = false): boolean {
    const data = this.find(dataId)
    if (!data) return true
    data.refCount--
    if (!force && data.refCount > 0) return false
    if (data.tensor) this.addon.deleteTensor(data.tensor)
    data.refCount = 0
    data.values = undefined
    this.alive--
    return true
  }

  override refCount(dataId: tf.DataId): number {
    return this.find(dataId)?.refCount ?? 0
  }

  override incRef(dataId: tf.DataId): void {
    this.of(dataId).refCount++
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: true } // of the library's own memory nothing is known
  }

  override async time(f: () => void): Promise<tf.BackendTimingInfo> {
    const started = performance.now()
    f()
    this.addon.wait()
    return { kernelMs: performance.now() - started } as tf.BackendTimingInfo
  }

  override dispose(): void {}

  /** Where a mask is not zero: a shape that depends on values. */
  where(condition: tf.Tensor): tf.Tensor2D {
    return this.executeSingleOutput('Where', [], [condition]) as tf.Tensor2D
  }

  // What capturing a step takes: see captured-step.ts.

  /** Whether a step is being captured now. */
  get capturing(): boolean {
    return this.capture !== 0
  }

  /**
   * Runs `body`, whose operations are captured, and makes a function of what it returns.
   * @param how.mixed in the backend's mixed precision instead of float32
   * @returns the tensors from outside that the function takes, in order; undefined where XLA was to compile it if it
   * can, and cannot
   */
  captureFunction(
    name: string,
    { xla, mixed }: { readonly xla: Xla; readonly mixed: boolean },
    body: () => readonly tf.TensorInfo[],
  ): tf.DataId[] | undefined {
    if (xla === 'auto' || (xla && mixed)) this.wakeXla() // its list of kernels is needed
    const inBfloat16 = this.emulated && xla === false ? 'emulated' : 'bfloat16'
    const precision = mixed && this.mixedPrecision === 'bfloat16' ? inBfloat16 : 'float32'
    const weights = precision === 'float32' ? 0 : this.writeWeights()
    this.addon.beginCapture(LARGEST_CONSTANT, precisions[precision], xla !== false, weights)
    this.capture = ++this.captures
    this.byXla = xla !== false
    this.capturesMixed = precision !== 'float32'
    this.outside.clear()
    try {
      const outputs = body()
      this.onCapture?.(this.addon.describeCapture())
      this.writeNumbers(outputs)
      const inputs = this.addon.endCapture(name, outputs.length, xla !== false, xla === 'auto')
      if (inputs < 0) return undefined
      return Array.from(this.exchange.subarray(0, inputs), (tensor) => this.outside.get(tensor)!)
    } finally {
      this.capture = 0
      this.byXla = false
      this.capturesMixed = false
      this.outside.clear()
      this.addon.abortCapture()
    }
  }

  /** Numbers of the variables that may be weights of products, to the exchange; how many there are. */
  private writeWeights(): number {
    const numbers = Object.values(tf.engine().registeredVariables)
      .filter(({ dtype, rank, dataId }) => dtype === 'float32' && rank > 1 && this.find(dataId))
      .map(({ dataId }) => this.numberOf(dataId))
    this.exchange.set(numbers)
    return numbers.length
  }

  /** XLA tells which operations it has once it has compiled a first one. */
  private wakeXla(): void {
    if (this.xlaIsAwake) return
    this.xlaIsAwake = true
    const name = 'selfsup_wake_xla'
    try {
      this.addon.wait()
    } catch {
      // of a step before, whose values tell
    }
    tf.tidy(() => {
      const inputs = this.captureFunction(name, { xla: true, mixed: false }, () => [tf.square(tf.scalar(1))])!
      this.callFunction(name, inputs, [{ shape: [], dtype: 'float32' }])
      this.addon.wait()
    })
    this.addon.removeFunction(name)
  }

  private xlaIsAwake = false

  /** The tensors from outside by the addon's numbers, while a step is captured. */
  private readonly outside = new Map<number, tf.DataId>()

  /** Calls a function; the step goes in line, its results can be used at once and read when it is done. */
  callFunction(
    name: string,
    inputs: readonly tf.DataId[],
    results: readonly { readonly shape: number[]; readonly dtype: tf.DataType }[],
  ): tf.Tensor[] {
    for (const [i, input] of inputs.entries()) this.exchange[i] = this.numberOf(input)
    this.addon.call(name, inputs.length, results.length)
    const numbers = Array.from(this.exchange.subarray(0, results.length))
    return results.map(({ shape, dtype }, i) => this.tensorOf(numbers[i]!, typesOf[dtype], shape))
  }

  /** Shape and type of what stands behind a tensor. */
  factsOf(dataId: tf.DataId): { shape: number[]; dtype: tf.DataType } {
    const { shape, type } = this.of(dataId)
    return { shape, dtype: namesOf.get(type)! }
  }

  removeFunction(name: string): void {
    this.addon.removeFunction(name)
  }

  /** The same values under another identity, so that a captured step can tell tensors that share them apart. */
  renamed(tensor: tf.TensorInfo): tf.Tensor {
    const type = { name: 'T', type: attributeKinds.TF_ATTR_TYPE, value: typesOf[tensor.dtype] }
    return this.executeSingleOutput('Identity', [type], [tensor])
  }

  private of(dataId: tf.DataId): Data {
    const data = this.find(dataId)
    if (!data) throw new SelfsupError('a tensor is used that was disposed of, or is another engine’s')
    return data
  }

  /** What is referred to no more is gone. */
  private find(dataId: tf.DataId): Data | undefined {
    if (dataId instanceof Data && dataId.refCount > 0) return dataId
    const moved = this.moved.get(dataId)
    return moved && moved.refCount > 0 ? moved : undefined
  }

  /** The values that are still, or again, JavaScript's; throws inside a captured step for those that are not known. */
  private valuesOf(dataId: tf.DataId): tf.backend_util.BackendValues | undefined {
    const { values, capture, by } = this.of(dataId)
    if (values) return values as tf.backend_util.BackendValues
    if (this.capture && capture === this.capture)
      throw new SelfsupError(
        `a compiled step reads the result of ${by ?? 'a constant'} on the host${inCode()}; values are known only after the step: return the tensor from it`,
        { code: 'not-capturable' },
      )
    return undefined
  }

  /** The addon's number of a tensor, its values sent to the device or into the captured graph when first needed. */
  private numberOf(dataId: tf.DataId): number {
    const data = this.of(dataId)
    if (data.values) {
      const now = data.capture !== this.capture || !this.capture
      try {
        data.tensor = this.addon.createTensor(data.shape, data.type, data.values, now)
      } catch (error) {
        throw now ? error : new SelfsupError(`a compiled step: ${(error as Error).message}${inCode()}`)
      }
      data.values = undefined
    }
    if (this.capture && data.capture !== this.capture) this.outside.set(data.tensor, dataId)
    return data.tensor
  }

  private writeNumbers(inputs: readonly tf.TensorInfo[]): void {
    for (let i = 0; i < inputs.length; i++) this.exchange[i] = this.numberOf(inputs[i]!.dataId)
  }

  private tensorOf(tensor: number, type: number, shape: number[], by?: string): tf.Tensor {
    const dtype = namesOf.get(type)
    if (!dtype) throw new SelfsupError(`TensorFlow.js has no name for TensorFlow's type ${type}`)
    this.alive++
    const dataId = new Data(shape, type, tensor, undefined, 1, this.capture, by)
    return tf.engine().makeTensorFromTensorInfo({ dataId, shape, dtype })
  }
}

/** As TensorFlow.js expects them: it takes bytes, other than truth values, for int32. */
function valuesAs(type: number, values: TensorValues): tf.backend_util.BackendValues {
  return (type === TF_UINT8 ? Int32Array.from(values as Uint8Array) : values) as tf.backend_util.BackendValues
}
