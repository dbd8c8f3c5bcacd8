import type { JpegCropper } from '@selfsup/core'

/** A tensor's values as JavaScript passes or receives them. */
export type TensorValues = Float32Array | Int32Array | Uint8Array | BigInt64Array | Uint8Array[]

/** Attributes of an operation as a flat list: name, kind (`attributeKinds`), value, name, kind, value, ... */
type FlatAttributes = readonly unknown[]

/**
 * The compiled addon, `selfsup.node` (src/native). A tensor is identified by a number. One Int32Array, the exchange,
 * carries the numbers of an operation's inputs, and the numbers, types and shapes of its outputs.
 */
export interface Addon {
  /**
   * @param config a serialized ConfigProto
   * @param server a serialized ServerDef if this process is one of several workers, otherwise empty
   * @returns `convolutions`: how our convolutions suit this processor (own-operations.ts), `bfloat16`: the same for those in bfloat16;
   *   `exchange`: the array passed in the process's first call
   */
  start(
    exchange: Int32Array,
    config: Uint8Array,
    server: Uint8Array,
  ): {
    version: string
    gpu: boolean
    convolutions: number
    bfloat16: number
    exchange: Int32Array
  }
  /** @param now create the tensor on the device immediately, even while a step is being captured */
  createTensor(shape: readonly number[], type: number, values: TensorValues, now: boolean): number
  deleteTensor(tensor: number): void
  readSync(tensor: number): TensorValues
  read(tensor: number): Promise<TensorValues>
  /** Defines the operation that `execute` runs for this number. */
  define(operation: number, name: string, attributes: FlatAttributes): void
  execute(operation: number, inputs: number, outputs: number): void
  /**
   * @param precision a value of `precisions`
   * @param xla whether XLA compiles the step
   * @param weights how many weight numbers the exchange holds
   */
  beginCapture(largestConstant: number, precision: number, xla: boolean, weights: number): void
  /** The nodes of the step that is being captured, as text: "MatMul bfloat16 [8,16]". */
  describeCapture(): string[]
  /**
   * @param wholly use XLA only if it supports all operations of the step
   * @returns how many outside tensors the step reads; the exchange holds their numbers. -1 if XLA does not support all
   *   operations
   */
  endCapture(outputs: number, xla: boolean, wholly: boolean): number
  /** The name of the function that `endCapture` created: a hash of its graph, the same in each process. */
  capturedName(): string
  abortCapture(): void
  call(name: string, inputs: number, outputs: number): void
  /**
   * Runs a function once and discards its results, so that XLA compiles it.
   * @param wait on this thread, throwing errors; otherwise on another thread
   */
  compileFunction(name: string, inputs: number, outputs: number, wait: true): undefined
  compileFunction(name: string, inputs: number, outputs: number, wait: false): Promise<void>
  removeFunction(name: string): void
  wait(): void
  countTensors(): number
  /** Asks another worker whether it is alive. @returns an empty string, or the reason why not */
  checkWorker(worker: number, timeoutMs: number): Promise<string>
  /**
   * Checks all other workers regularly, on a thread that JavaScript can't block. When one does not answer for
   * `patienceMs`, all collective operations of this process end with an error.
   * @param workers number of workers; 0 stops checking
   */
  watchWorkers(workers: number, own: number, intervalMs: number, patienceMs: number): void
  /** The worker that does not answer; -1 if all do. */
  workerFailure(): number
  /**
   * Restricts the server that listens at the port to the addresses of a name. TensorFlow's server listens at all addresses.
   * @returns whether it did: false on other systems than Linux, and if the machine has none of these addresses
   */
  listenOnly(host: string, port: number): boolean
  /** Ends all pending and later collective operations of this process with an error. */
  abortCollectives(reason: string): void
  readonly cropJpeg: JpegCropper
}

/** TF_DataType of c_api.h, under the names that the kernels use. */
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

/** `Precision` of precision.h: the precision in which products of networks are computed. */
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
