import type * as tf from '@tensorflow/tfjs-core'

type TypedArray = Float32Array | Int32Array | Uint8Array

/** The part of TensorFlow.js's WebAssembly backend that these kernels use. */
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

/** A view of a float32 tensor's values; valid until the next memory allocation. */
export function floats(backend: WasmBackend, tensor: tf.TensorInfo): Float32Array {
  return backend.typedArrayFromHeap(tensor) as Float32Array
}

/** Offset of a tensor in WebAssembly's memory, in bytes. */
export function addressOf(backend: WasmBackend, tensor: tf.TensorInfo): number {
  return backend.dataIdMap.get(tensor.dataId).memoryOffset
}

/** Calls `use` with a temporary tensor that refers to part of another tensor's memory. */
export function withView<T>(backend: WasmBackend, address: number, size: number, use: (id: number) => T): T {
  const view = backend.makeOutput([size], 'float32', address)
  const { id } = backend.dataIdMap.get(view.dataId)
  try {
    return use(id)
  } finally {
    // The backend's disposeData would also free the memory.
    backend.wasm.tfjs.disposeData(id)
    backend.dataIdMap.delete(view.dataId)
  }
}

/** A kernel for this backend. If it returns undefined, the backend's own kernel runs. */
export interface WasmKernel {
  readonly kernelName: string
  readonly run: (
    backend: WasmBackend,
    inputs: { readonly [name: string]: tf.TensorInfo },
    attrs: tf.NamedAttrMap,
  ) => tf.TensorInfo | undefined
}
