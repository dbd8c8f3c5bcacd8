import * as tf from '@tensorflow/tfjs-core'
import type { HostImages } from './dataset.js'

/**
 * Copies images to the engine; the caller disposes of the tensor. On native TensorFlow a compiled step takes the pixels as bytes,
 * a quarter of the memory of int32. The array must not change until an operation has used the tensor.
 * @returns int32 [batch, height, width, channels], 0..255
 */
export function imageTensor({ data, shape }: HostImages): tf.Tensor4D {
  const { takesBytes } = tf.backend() as { readonly takesBytes?: boolean }
  // tf.tensor4d would convert the pixels to Int32Array.
  return takesBytes
    ? (tf.engine().makeTensor(data, [...shape], 'int32') as tf.Tensor4D)
    : tf.tensor4d(data, [...shape], 'int32')
}
