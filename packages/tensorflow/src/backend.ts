import { SelfsupError } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { type Addon, attributeKinds, dataTypes } from './addon.js'
import { CompiledFunctions } from './compiled-functions.js'
import { Float32Scope, inFloat32 } from './float32-scope.js'
import { type Attribute, Operations } from './operations.js'
import { noOwnOperations, type OwnOperations, ownOperations } from './own-operations.js'
import { encodeServerDef } from './server-def.js'
import type { TensorflowSettings, Xla } from './settings.js'
import { TensorStore } from './tensor-store.js'
import { typeNumbers } from './tensor-types.js'
import { WorkerGroup } from './worker-group.js'

/** Length of the buffer through which numbers pass to and from the addon. */
const EXCHANGE_LENGTH = 1 << 16

/**
 * TensorFlow's C library as a TensorFlow.js backend, with the interface that the kernels of tfjs-node expect
 * (`executeSingleOutput` and similar). While a step is captured, the same calls add to its graph instead of running.
 */
export class TensorflowBackend extends tf.KernelBackend {
  /** constants that kernels use in attributes */
  readonly binding = { ...dataTypes, ...attributeKinds, TF_INT: dataTypes.TF_INT32 }
  readonly isUsingGpuDevice: boolean
  readonly isGPUPackage: boolean
  /** version of TensorFlow's library */
  readonly version: string
  /** default for steps that do not set `xla` */
  readonly xla: Xla
  /** precision of network products in compiled steps; everything else is float32 */
  readonly mixedPrecision: TensorflowSettings['mixedPrecision']
  /** pixels may be passed to `write` as Uint8Array with the dtype int32 */
  readonly takesBytes = true
  /** captured steps */
  readonly functions: CompiledFunctions
  /** this process's place among several workers; undefined if it is alone */
  readonly workers: WorkerGroup | undefined
  private readonly exchange: Int32Array
  private readonly operations: Operations
  private readonly tensors: TensorStore
  private readonly float32: Float32Scope
  private readonly own: { readonly float32: OwnOperations; readonly mixed: OwnOperations }

  /**
   * @param config a serialized ConfigProto; if empty, the library's defaults
   * @param settings.workers the processes of a training run; TensorFlow's server starts and listens at this one's address
   * @param settings.mixedPrecision `bfloat16`: compiled steps use TensorFlow's convolutions, except for filter gradients
   */
  constructor(
    private readonly addon: Addon,
    config: Uint8Array = new Uint8Array(),
    {
      mixedPrecision = 'off',
      emulated = false,
      xla = false,
      xlaCache,
      workers,
    }: Partial<Pick<TensorflowSettings, 'mixedPrecision' | 'emulated' | 'xla' | 'xlaCache' | 'workers'>> = {},
  ) {
    super()
    const server = workers ? encodeServerDef(workers, config) : new Uint8Array()
    const { exchange, ...machine } = addon.start(new Int32Array(EXCHANGE_LENGTH), config, server)
    this.workers = workers && new WorkerGroup(addon, workers)
    this.exchange = exchange
    this.version = machine.version
    this.isUsingGpuDevice = machine.gpu
    this.isGPUPackage = machine.gpu
    this.xla = xla
    this.mixedPrecision = mixedPrecision
    this.own = ownOperations(machine, emulated, process.env.SELFSUP_CONVOLUTIONS)
    this.operations = new Operations(addon)
    this.tensors = new TensorStore(addon, exchange, (dataId) => this.fetch(dataId))
    this.float32 = new Float32Scope(this.tensors)
    this.functions = new CompiledFunctions(addon, exchange, this.tensors, {
      mixedPrecision,
      emulated,
      xlaCache,
    })
  }

  /** Whether a step is being captured that XLA compiles. */
  get byXla(): boolean {
    return this.functions.capturing?.xla ?? false
  }

  /** Our own operations that are in use at this moment. */
  get fused(): OwnOperations {
    if (this.byXla) return noOwnOperations
    return this.functions.capturing?.mixed ? this.own.mixed : this.own.float32
  }

  /** Whether our own convolutions are used in any mode. */
  get ownConvolutions(): boolean {
    const { float32, mixed } = this.own
    return Boolean(float32.convolutions || mixed.convolutions || mixed.bfloat16)
  }

  /** Runs `body`. Its operations, and operations on its results, compute in float32 in mixed precision too. */
  inFloat32<T>(body: () => T): T {
    return this.float32.run(body)
  }

  /** Whether an operation on these inputs computes in float32, whatever the step's precision. */
  staysFloat32(inputs: readonly tf.TensorInfo[]): boolean {
    return this.float32.covers(inputs)
  }

  // Called by kernels.

  /** Runs an operation of one input, whose only attribute is its type, and one output. */
  executeSingleInput(name: string, input: tf.TensorInfo): tf.Tensor {
    const type = { name: 'T', type: attributeKinds.TF_ATTR_TYPE, value: typeNumbers[input.dtype] }
    return this.executeSingleOutput(name, [type], [input])
  }

  /** Runs an operation of one output. */
  executeSingleOutput(
    name: string,
    attributes: readonly Attribute[],
    inputs: readonly tf.TensorInfo[],
  ): tf.Tensor {
    return this.executeMultipleOutputs(name, attributes, inputs, 1)[0]!
  }

  /** Runs an operation of TensorFlow's or of the addon. In a captured step, adds it to the graph. */
  executeMultipleOutputs(
    name: string,
    attributes: readonly Attribute[],
    inputs: readonly tf.TensorInfo[],
    outputs: number,
  ): tf.Tensor[] {
    this.tensors.writeNumbers(inputs)
    const float32 = this.functions.capturing?.mixed === true && this.float32.covers(inputs)
    return this.execute(name, float32 ? inFloat32(attributes) : attributes, inputs.length, outputs, float32)
  }

  /** Runs an operation on the tensors whose numbers the exchange has. */
  private execute(
    name: string,
    attributes: readonly Attribute[],
    inputs: number,
    outputs: number,
    float32 = false,
  ): tf.Tensor[] {
    this.addon.execute(this.operations.numberOf(name, attributes), inputs, outputs)
    const results: tf.Tensor[] = []
    for (let i = 0, at = 0; i < outputs; i++) {
      const tensor = this.exchange[at++]!
      const type = this.exchange[at++]!
      const rank = this.exchange[at++]!
      const shape: number[] = []
      for (let axis = 0; axis < rank; axis++) shape.push(this.exchange[at++]!)
      results.push(this.tensors.wrap(tensor, type, shape, name, float32))
    }
    return results
  }

  /** Attributes of a reduction over axes that are an int32 tensor. */
  createReductionOpAttrs(tensor: tf.TensorInfo, keepDims = false): Attribute[] {
    return [
      { name: 'keep_dims', type: attributeKinds.TF_ATTR_BOOL, value: keepDims },
      { name: 'T', type: attributeKinds.TF_ATTR_TYPE, value: typeNumbers[tensor.dtype] },
      { name: 'Tidx', type: attributeKinds.TF_ATTR_TYPE, value: dataTypes.TF_INT32 },
    ]
  }

  /** TensorFlow's number of a type. */
  getDTypeInteger(dtype: tf.DataType): number {
    return typeNumbers[dtype]
  }

  /** TensorFlow's number of a tensor's type. */
  typeAttributeFromTensor({ dtype }: tf.TensorInfo): number {
    return typeNumbers[dtype]
  }

  /** Applies a fused activation by name; default: the identity. */
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
        throw new SelfsupError(`cannot fuse the activation ${activation} into a layer`)
    }
  }

  // Called by TensorFlow.js.

  override floatPrecision(): 32 {
    return 32
  }

  override epsilon(): number {
    return super.epsilon()
  }

  override numDataIds(): number {
    return this.tensors.size
  }

  override write(values: tf.backend_util.BackendValues, shape: number[], dtype: tf.DataType): tf.DataId {
    return this.tensors.add(values, shape, dtype)
  }

  override move(
    dataId: tf.DataId,
    values: tf.backend_util.BackendValues,
    shape: number[],
    dtype: tf.DataType,
    refCount: number,
  ): void {
    this.tensors.move(dataId, values, shape, dtype, refCount)
  }

  /** Moves a tensor here that another backend made, as all backends of TensorFlow.js do when they meet one. */
  private fetch(dataId: tf.DataId): boolean {
    const owner = tf.engine().state.tensorInfo.get(dataId)?.backend
    if (!owner || owner === this) return false
    try {
      tf.engine().moveData(this, dataId)
    } catch (error) {
      // WebGPU's values, for one, cannot be read at once.
      throw new SelfsupError(
        `a tensor of another engine cannot be used here: ${error instanceof Error ? error.message : error}`,
        { fix: 'read its values with data() while its engine is in use, and make a new tensor of them' },
      )
    }
    return true
  }

  override read(dataId: tf.DataId): Promise<tf.backend_util.BackendValues> {
    return this.tensors.read(dataId)
  }

  override readSync(dataId: tf.DataId): tf.backend_util.BackendValues {
    return this.tensors.readSync(dataId)
  }

  override disposeData(dataId: tf.DataId, force = false): boolean {
    return this.tensors.release(dataId, force)
  }

  override refCount(dataId: tf.DataId): number {
    return this.tensors.find(dataId)?.refCount ?? 0
  }

  override incRef(dataId: tf.DataId): void {
    this.tensors.get(dataId).refCount++
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: true } // the library does not report its memory
  }

  override async time(f: () => void): Promise<tf.BackendTimingInfo> {
    const started = performance.now()
    f()
    this.addon.wait()
    return { kernelMs: performance.now() - started } as tf.BackendTimingInfo
  }

  override dispose(): void {}

  /** Indices of the nonzero elements. The shape of the result depends on values. */
  where(condition: tf.Tensor): tf.Tensor2D {
    return this.executeSingleOutput('Where', [], [condition]) as tf.Tensor2D
  }

  /**
   * A tensor with the same values and a new data id, so that a captured step can distinguish tensors that share values.
   * Bytes stay bytes.
   */
  renamed(tensor: tf.TensorInfo): tf.Tensor {
    this.exchange[0] = this.tensors.inputOf(tensor.dataId)
    const { type } = this.tensors.get(tensor.dataId)
    return this.execute('Identity', [{ name: 'T', type: attributeKinds.TF_ATTR_TYPE, value: type }], 1, 1)[0]!
  }
}
