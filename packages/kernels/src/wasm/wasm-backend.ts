import type * as tf from '@tensorflow/tfjs-core'

type TypedArray = Float32Array | Int32Array | Uint8Array

/** The part of TensorFlow.js's WebAssembly backend that these kernels stand on. */
export interface WasmBackend {
  readonly wasm: {
    cwrap(name: string, result: null, types: readonly string[]): (...args: readonly unknown[]) => void
    readonly tfjs: { disposeData(id: number): void }
  }
  readonly dataIdMap: {
    get(dataId: tf.DataId): { readonly id: number; readonly memoryOffset: number }
    delete(dataId: tf.DataId): boolean
  }
  makeOutput(shape: readonly number[], dtype: tf.DataType, memoryOffset?: number): tf.TensorInfo
  typedArrayFromHeap(tensor: tf.TensorInfo): TypedArray
  disposeData(dataId: tf.DataId): boolean
}

/** The values of a float32 tensor, in place; good until memory is next asked for. */
export function floats(backend: WasmBackend, tensor: tf.TensorInfo): Float32Array {
  return backend.typedArrayFromHeap(tensor) as Float32Array
}

/** Where a tensor lies in WebAssembly's memory, in bytes. */
export function addressOf(backend: WasmBackend, tensor: tf.TensorInfo): number {
  return backend.dataIdMap.get(tensor.dataId).memoryOffset
}

/** Lends a stretch of memory that belongs to another tensor out as a tensor, for the time of `use`. */
export function withView<T>(backend: WasmBackend, address: number, size: number, use: (id: number) => T): T {
  const view = backend.makeOutput([size], 'float32', address)
  const { id } = backend.dataIdMap.get(view.dataId)
  try {
    return use(id)
  } finally {
    // disposeData of the backend would free the memory, too.
    backend.wasm.tfjs.disposeData(id)
    backend.dataIdMap.delete(view.dataId)
  }
}

/** A kernel of this backend; where it yields undefined, the backend's own does the work. */
export interface WasmKernel {
  readonly kernelName: string
  readonly run: (
    backend: WasmBackend,
    inputs: { readonly [name: string]: tf.TensorInfo },
    attrs: tf.NamedAttrMap,
  ) => tf.TensorInfo | undefined
}
