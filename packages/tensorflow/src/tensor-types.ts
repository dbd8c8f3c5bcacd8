import type * as tf from '@tensorflow/tfjs-core'
import { dataTypes, type TensorValues } from './addon.js'

const { TF_FLOAT, TF_INT32, TF_UINT8, TF_STRING, TF_COMPLEX64, TF_INT64, TF_BOOL, TF_UINT64 } = dataTypes

/** TensorFlow's type number for each dtype of TensorFlow.js. */
export const typeNumbers: Readonly<Record<tf.DataType, number>> = {
  float32: TF_FLOAT,
  int32: TF_INT32,
  bool: TF_BOOL,
  complex64: TF_COMPLEX64,
  string: TF_STRING,
}

/** The TensorFlow.js dtype for each TensorFlow type. TensorFlow.js has no bytes or 64-bit integers: both become int32. */
export const typeNames: ReadonlyMap<number, tf.DataType> = new Map<number, tf.DataType>([
  [TF_FLOAT, 'float32'],
  [TF_INT32, 'int32'],
  [TF_UINT8, 'int32'],
  [TF_INT64, 'int32'],
  [TF_UINT64, 'int32'], // only inside compiled steps: keys of random numbers
  [TF_BOOL, 'bool'],
  [TF_COMPLEX64, 'complex64'],
  [TF_STRING, 'string'],
])

/** Values as TensorFlow.js expects them. It represents bytes, except booleans, as int32. */
export function valuesFor(type: number, values: TensorValues): tf.backend_util.BackendValues {
  return (type === TF_UINT8 ? Int32Array.from(values as Uint8Array) : values) as tf.backend_util.BackendValues
}
