import * as tf from '@tensorflow/tfjs-core'
import type { Features } from './features.js'

/**
 * X^T X of the features, [width, width], in double precision; computed on the device block by block.
 */
export async function gram(
  { values, count, width }: Pick<Features, 'values' | 'count' | 'width'>,
  { block = 4096 } = {},
): Promise<Float64Array> {
  const sums = new Float64Array(width * width)
  for (let start = 0; start < count; start += block) {
    const rows = Math.min(block, count - start)
    const product = tf.tidy(() => {
      const x = tf.tensor2d(values.subarray(start * width, (start + rows) * width), [rows, width])
      return tf.matMul(x, x, true, false)
    })
    // Added in double precision: float32 sums over many blocks lose digits.
    const part = await product.data<'float32'>()
    product.dispose()
    for (let i = 0; i < sums.length; i++) sums[i]! += part[i]!
  }
  return sums
}
