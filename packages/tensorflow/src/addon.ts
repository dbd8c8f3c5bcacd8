import type { JpegCropper } from '@selfsup/core'

/** A tensor's values as JavaScript hands them over, or gets them. */
export type TensorValues = Float32Array | Int32Array | Uint8Array | BigInt64Array | Uint8Array[]

/** Attributes of an operation, flat: name, kind (`attributeKinds`), value, name, kind, value, ... */
type FlatAttributes = readonly unknown[]

/**
 * The compiled addon, `selfsup.node` (src/native). Tensors are numbers; those of an operation's inputs, and of its
 * outputs with their types and shapes, pass through one Int32Array, the exchange.
 */
export interface Addon {
  /**
   * @returns facts, among them whether the processor is one that our convolutions are for (2), or one that merely runs
   * them (1), and the same of filters' gradients by bfloat16; and the exchange, which is that of the first call in a process
   */
  start(
    exchange: Int32Array,
    config: Uint8Array,
  ): {
    version: string
    gpu: boolean
    convolutions: number
    bfloat16: number
    exchange: Int32Array
  }
  /** @param now of the device at once, even while a step is being captured */
  createTensor(shape: readonly number[], type: number, values: TensorValues, now: boolean): number
  deleteTensor(tensor: number): void
  readSync(tensor: number): TensorValues
  read(tensor: number): Promise<TensorValues>
  /** what `execute` means by a number from now on */
  define(operation: number, name: string, attributes: FlatAttributes): void
  execute(operation: number, inputs: number, outputs: number): void
  /**
   * @param precision a `precisions`
   * @param xla whether XLA is to compile it
   * @param weights how many numbers of weights the exchange holds
   */
  beginCapture(largestConstant: number, precision: number, xla: boolean, weights: number): void
  /** the nodes of the step that is being captured, as text: "MatMul bfloat16 [8,16]" */
  describeCapture(): string[]
  /**
   * @param wholly by XLA only if XLA has all its operations
   * @returns how many tensors from outside the step takes; the exchange holds their numbers. -1: XLA has not all
   */
  endCapture(name: string, outputs: number, xla: boolean, wholly: boolean): number
  abortCapture(): void
  call(name: string, inputs: number, outputs: number): void
  removeFunction(name: string): void
  wait(): void
  countTensors(): number
  readonly cropJpeg: JpegCropper
}

/** TF_DataType of c_api.h, under the names that the kernels look for. */
export const dataTypes = {
  TF_FLOAT: 1,
  TF_INT32: 3,
  TF_UINT8: 4,
  TF_STRING: 7,
  TF_COMPLEX64: 8,
  TF_INT64: 9,
  TF_BOOL: 10,
  TF_UINT64: 23,
} as const

/** Precision of precision.h: in what the products of networks compute. */
export const precisions = { float32: 0, bfloat16: 1, emulated: 2 } as const

/** TF_AttrType of c_api.h. */
export const attributeKinds = {
  TF_ATTR_STRING: 0,
  TF_ATTR_INT: 1,
  TF_ATTR_FLOAT: 2,
  TF_ATTR_BOOL: 3,
  TF_ATTR_TYPE: 4,
  TF_ATTR_SHAPE: 5,
} as const
