/// <reference types="@webgpu/types" />
import * as tf from '@tensorflow/tfjs-core'

/** Backend name of WebGPU in TensorFlow.js. */
export const WEBGPU = 'webgpu'

/** The part of TensorFlow.js's WebGPU backend that these kernels use. */
export interface WebgpuBackend {
  readonly device: GPUDevice
  readonly tensorMap: {
    /** `values` are there until the tensor is on the device */
    get(dataId: tf.DataId): {
      readonly dtype: tf.DataType
      readonly resource?: GPUBuffer | null
      values?: Float32Array | Int32Array | Uint8Array | null
    }
  }
  readonly commandEncoder: GPUCommandEncoder | null
  computePassEncoder: GPUComputePassEncoder | null
  dispatchCountInPass: number
  readonly commandQueueOwnedIds: WeakSet<tf.DataId>
  makeTensorInfo(shape: readonly number[], dtype: tf.DataType): tf.TensorInfo
  uploadToGPU(dataId: tf.DataId): void
  ensureCommandEncoderReady(): void
  endComputePassEncoder(): void
  submitQueue(): void
  refCount(dataId: tf.DataId): number
  disposeData(dataId: tf.DataId, force?: boolean): boolean
  /** throws what the device has reported; only the backend that @selfsup/engine starts has it */
  checkFailures?(doing: string): void
}

/** Whether the current backend is WebGPU. */
export function onWebgpu(): boolean {
  return tf.getBackend() === WEBGPU
}

/** The current backend, which must be WebGPU. */
export function webgpuBackend(): WebgpuBackend {
  return tf.backend() as unknown as WebgpuBackend
}

/** A kernel for this backend. If it returns undefined, the backend's own kernel runs. */
export interface WebgpuKernel {
  readonly kernelName: string
  readonly run: (
    backend: WebgpuBackend,
    inputs: { readonly [name: string]: tf.TensorInfo },
    attrs: tf.NamedAttrMap,
  ) => tf.TensorInfo | tf.TensorInfo[] | undefined
}
