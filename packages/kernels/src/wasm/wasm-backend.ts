import type { DataId, DataType, TensorInfo } from '@tensorflow/tfjs-core'

type TypedArray = Float32Array | Int32Array | Uint8Array

/** The part of TensorFlow.js's WebAssembly backend that these kernels stand on. */
export interface WasmBackend {
  readonly wasm: {
    cwrap(name: string, result: null, types: readonly string[]): (...args: readonly unknown[]) => void
    readonly tfjs: { disposeData(id: number): void }
  }
  readonly dataIdMap: {
    get(dataId: DataId): { readonly id: number; readonly memoryOffset: number }
    delete(dataId: DataId): boolean
  }
  makeOutput(shape: readonly number[], dtype: DataType, memoryOffset?: number): TensorInfo
  typedArrayFromHeap(tensor: TensorInfo): TypedArray
  disposeData(dataId: DataId): boolean
}

/** The values of a float32 tensor, in place; good until memory is next asked for. */
export function floats(backend: WasmBackend, tensor: TensorInfo): Float32Array {
  return backend.typedArrayFromHeap(tensor) as Float32Array
}

/** Where a tensor lies in WebAssembly's memory, in bytes. */
export function addressOf(backend: WasmBackend, tensor: TensorInfo): number {
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
