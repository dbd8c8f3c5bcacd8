import { SelfsupError } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { type Addon, dataTypes, type TensorValues } from './addon.js'
import { assertNoHostRandomness, inCode } from './host-misuse.js'
import { typeNames, typeNumbers, valuesFor } from './tensor-types.js'

const { TF_INT32, TF_UINT8 } = dataTypes

/** A tensor's data. Also its data id in TensorFlow.js, unless the tensor moved here from another backend. */
export class TensorData {
  constructor(
    readonly shape: number[],
    /** TensorFlow's type; of pixels that a compiled step took, that of bytes */
    public type: number,
    /** the addon's number; 0 while the values are still in JavaScript */
    public tensor: number,
    public values: TensorValues | undefined,
    public refCount: number,
    /** the captured step that created it; 0 outside of captured steps */
    readonly capture: number,
    /** the operation that created it */
    readonly madeBy?: string,
    /** operations on it stay float32 in mixed precision */
    public float32 = false,
    /** of bytes that an operation outside of compiled steps took: the addon's number of the same values as int32; or 0 */
    public widened = 0,
  ) {}

  /** Whether compiled steps take the values as bytes, which TensorFlow.js calls int32. */
  get bytes(): boolean {
    return this.type === TF_UINT8 || (this.type === TF_INT32 && this.values instanceof Uint8Array)
  }
}

/** The tensors of a backend. Values stay in JavaScript until an operation needs them; then the addon has them. */
export class TensorStore {
  /** number of tensors */
  size = 0
  /** the step being captured; 0 when there is none */
  capture = 0
  /** while a step is captured: the outside tensors that it uses, by the addon's numbers */
  readonly outside = new Map<number, tf.DataId>()
  /** tensors that had a data id before they moved to this backend */
  private readonly moved = new WeakMap<object, TensorData>()

  constructor(
    private readonly addon: Addon,
    private readonly exchange: Int32Array,
    /** moves a tensor of another backend here, by `move`; returns whether there is one */
    private readonly fetch: (dataId: tf.DataId) => boolean,
  ) {}

  /** Adds values. They are copied to the device when they are first needed. */
  add(values: tf.backend_util.BackendValues, shape: number[], dtype: tf.DataType, refCount = 1): TensorData {
    if (this.capture) assertNoHostRandomness()
    this.size++
    return new TensorData(shape, typeNumbers[dtype], 0, values as TensorValues, refCount, this.capture)
  }

  /** Moves a tensor from another backend. It keeps its data id. */
  move(
    dataId: tf.DataId,
    values: tf.backend_util.BackendValues,
    shape: number[],
    dtype: tf.DataType,
    refCount: number,
  ): void {
    this.size++
    // It is from outside of a step that is being captured, like all tensors that were there before.
    const data = new TensorData(shape, typeNumbers[dtype], 0, values as TensorValues, refCount, 0)
    this.moved.set(dataId, data)
  }

  /**
   * The data of a tensor; a tensor of another backend moves here first.
   * @throws SelfsupError if the tensor is disposed
   */
  get(dataId: tf.DataId): TensorData {
    const data = this.find(dataId) ?? (this.fetch(dataId) ? this.find(dataId) : undefined)
    if (!data) throw new SelfsupError('a tensor is disposed')
    return data
  }

  /** The data of a tensor, or undefined if it has no reference left. */
  find(dataId: tf.DataId): TensorData | undefined {
    if (dataId instanceof TensorData && dataId.refCount > 0) return dataId
    const moved = this.moved.get(dataId)
    return moved && moved.refCount > 0 ? moved : undefined
  }

  /** Drops one reference, or all. @returns whether the tensor was deleted */
  release(dataId: tf.DataId, all: boolean): boolean {
    const data = this.find(dataId)
    if (!data) return true
    data.refCount--
    if (!all && data.refCount > 0) return false
    if (data.tensor) this.addon.deleteTensor(data.tensor)
    if (data.widened) this.addon.deleteTensor(data.widened)
    data.refCount = 0
    data.values = undefined
    this.size--
    return true
  }

  async read(dataId: tf.DataId): Promise<tf.backend_util.BackendValues> {
    const { tensor, type } = this.get(dataId)
    return this.valuesInJavaScript(dataId) ?? valuesFor(type, await this.addon.read(tensor))
  }

  readSync(dataId: tf.DataId): tf.backend_util.BackendValues {
    const { tensor, type } = this.get(dataId)
    return this.valuesInJavaScript(dataId) ?? valuesFor(type, this.addon.readSync(tensor))
  }

  /** The values if they are in JavaScript. @throws SelfsupError in a captured step, which has no values yet */
  private valuesInJavaScript(dataId: tf.DataId): tf.backend_util.BackendValues | undefined {
    const { values, capture, madeBy } = this.get(dataId)
    if (values) return values as tf.backend_util.BackendValues
    if (this.capture && capture === this.capture)
      throw new SelfsupError(
        `a compiled step reads the result of ${madeBy ?? 'a constant'} on the host${inCode()}`,
        {
          code: 'not-capturable',
          fix: 'return the tensor from the step and read it afterwards: values are known only after the step',
        },
      )
    return undefined
  }

  /**
   * The addon's number of a tensor for an operation. The first call copies its values to the device or into the captured graph.
   */
  numberOf(dataId: tf.DataId): number {
    const data = this.get(dataId)
    if (!this.capture && data.type === TF_UINT8) return this.widen(data)
    if (this.capture && data.capture !== this.capture) return this.inputOf(dataId)
    if (data.values) this.upload(data, !this.capture)
    return data.tensor
  }

  /** The addon's number of a tensor from outside of a compiled step, for that step. Pixels are copied as bytes. */
  inputOf(dataId: tf.DataId): number {
    const data = this.get(dataId)
    if (data.values) {
      if (data.bytes) data.type = TF_UINT8
      this.upload(data, true)
    }
    if (this.capture) this.outside.set(data.tensor, dataId)
    return data.tensor
  }

  private upload(data: TensorData, now: boolean): void {
    try {
      data.tensor = this.addon.createTensor(data.shape, data.type, data.values!, now)
    } catch (error) {
      throw now ? error : new SelfsupError(`a compiled step: ${(error as Error).message}${inCode()}`)
    }
    data.values = undefined
  }

  private widen(data: TensorData): number {
    data.widened ||= this.addon.createTensor(data.shape, TF_INT32, this.addon.readSync(data.tensor), true)
    return data.widened
  }

  /** Writes the numbers of tensors to the start of the exchange. */
  writeNumbers(inputs: readonly tf.TensorInfo[]): void {
    for (let i = 0; i < inputs.length; i++) this.exchange[i] = this.numberOf(inputs[i]!.dataId)
  }

  /** Creates a TensorFlow.js tensor for a tensor of the addon. */
  wrap(tensor: number, type: number, shape: number[], madeBy?: string, float32 = false): tf.Tensor {
    const dtype = typeNames.get(type)
    if (!dtype) throw new SelfsupError(`TensorFlow.js has no name for TensorFlow's type ${type}`)
    this.size++
    const dataId = new TensorData(shape, type, tensor, undefined, 1, this.capture, madeBy, float32)
    return tf.engine().makeTensorFromTensorInfo({ dataId, shape, dtype })
  }
}
