import { expected } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { Features } from './features.js'
import { expectNumbers } from './grade.js'

type Rows = Pick<Features, 'values' | 'count' | 'width'>

/**
 * Closeness of positive pairs: mean of ||f(x) - f(y)||^alpha over pairs of l2-normalised features (Wang &
 * Isola 2020, arXiv:2005.10242, section 4.1).
 * @param x, y features of the first and the second member of each pair, row by row
 * @param options.alpha default 2
 * @returns 0 (identical) .. 2^alpha (opposite); lower is better
 * @throws SelfsupError if the sizes of x and y differ
 */
export function alignment(x: Rows, y: Rows, { alpha = 2 } = {}): number {
  expected(
    x.count === y.count && x.width === y.width && x.count > 0,
    `alignment: x and y must have the same size; got [${x.count},${x.width}] and [${y.count},${y.width}]`,
  )
  expectNumbers('alignment', x)
  expectNumbers('alignment', y)
  let sum = 0
  for (let row = 0; row < x.count; row++) {
    const [ofX, ofY] = [lengthOf(x, row), lengthOf(y, row)]
    let squares = 0
    for (let f = row * x.width; f < (row + 1) * x.width; f++)
      squares += (x.values[f]! / ofX - y.values[f]! / ofY) ** 2
    sum += squares ** (alpha / 2)
  }
  return sum / x.count
}

/**
 * How evenly features cover the unit sphere: log of the mean of exp(-t ||f(x) - f(y)||^2) over all pairs of l2-normalised
 * features (Wang & Isola 2020, arXiv:2005.10242, section 4.1).
 * @param options.t default 2
 * @param options.block rows per matrix product; memory is block * count similarities. Default 512
 * @returns -4t (for two opposite points; about -3.9 for evenly spread ones) .. 0 (collapsed); lower is better
 * @throws SelfsupError if there are fewer than two rows
 */
export async function uniformity(features: Rows, { t = 2, block = 512 } = {}): Promise<number> {
  expected(features.count >= 2, `uniformity: pairs need at least two images; got ${features.count}`)
  expectNumbers('uniformity', features)
  const { count, width } = features
  const unit = tf.tidy(() => {
    const raw = tf.tensor2d(features.values, [count, width])
    return tf.mul(raw, tf.rsqrt(tf.maximum(tf.sum(tf.square(raw), 1, true), 1e-24))) as tf.Tensor2D
  })
  let sum = 0
  try {
    for (let start = 0; start < count; start += block) {
      const rows = Math.min(block, count - start)
      const part = tf.tidy(() => {
        const cosines = tf.matMul(tf.slice(unit, start, rows) as tf.Tensor2D, unit, false, true)
        return tf.sum(tf.exp(tf.mul(tf.sub(cosines, 1), 2 * t)), 1)
      })
      for (const each of await part.data()) sum += each - 1 // minus the pair of each row with itself
      part.dispose()
    }
  } finally {
    unit.dispose()
  }
  return Math.log(Math.max(sum, 0) / (count * (count - 1)))
}

function lengthOf({ values, width }: Rows, row: number): number {
  let squares = 0
  for (let f = row * width; f < (row + 1) * width; f++) squares += values[f]! ** 2
  return Math.max(Math.sqrt(squares), 1e-12)
}
