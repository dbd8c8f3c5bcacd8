import type { ExportedNote } from '@selfsup/run-folder'

/** A tensor in a file of weights. */
export interface StoredTensor {
  readonly shape: readonly number[]
  /** type of the stored values, such as `float16` */
  readonly dtype: string
  /** Reads the values as float32, in row order. */
  read(): Promise<Float32Array>
}

/** An opened file of weights. Tensors are read when they are needed. */
export interface WeightFile {
  readonly path: string
  /** TensorFlow.js stores kernels as [height, width, in, out] and [in, out], the others as PyTorch does */
  readonly format: 'safetensors' | 'pytorch' | 'tensorflow.js'
  /** of a file that Selfsup exported */
  readonly exported?: ExportedNote
  /** by their names in the file; nested dictionaries are joined with dots, such as `teacher.backbone.norm.weight` */
  readonly tensors: ReadonlyMap<string, StoredTensor>
  close(): Promise<void>
}

/** Number of values of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1)
}
