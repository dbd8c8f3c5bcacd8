import { type ImageBatch, type Step, uniforms } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'

/** A step as a method's functions take it, always of the same seed unless told otherwise. */
export function stepOf(
  phase = 'main',
  {
    seed = [5, 6],
    progress = 0,
  }: { readonly seed?: readonly [number, number]; readonly progress?: number } = {},
): Step {
  return { seed: tf.tensor1d([...seed], 'int32'), progress: tf.scalar(progress), epoch: tf.scalar(0), phase }
}

/** A batch of noise images without labels, always the same. */
export function imageBatch(
  count: number,
  { channels = 3, size = 16 }: { readonly channels?: number; readonly size?: number } = {},
): ImageBatch & { readonly images: tf.Tensor4D } {
  const values = uniforms([1, 2], count * size * size * channels).map((value) => Math.floor(value * 256))
  return {
    images: tf.tensor4d(Int32Array.from(values), [count, size, size, channels], 'int32'),
    labels: tf.fill([count], -1, 'int32') as tf.Tensor1D,
    indices: tf.range(0, count, 1, 'int32'),
  }
}
