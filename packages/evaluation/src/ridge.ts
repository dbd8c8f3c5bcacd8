import { expected, uniforms } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { Features } from './features.js'
import { expectNumbers, expectSameWidth } from './grade.js'
import { RowBlocks, standardisation } from './row-blocks.js'

export interface RidgeOptions {
  /**
   * strengths of the penalty alpha * |w|^2, added to the sum of squared errors, on standardised features; the best on a
   * held-out tenth of the training images is used. With one value, nothing is held out
   */
  readonly alphas?: readonly number[]
  /** seed of the held-out tenth */
  readonly seed?: number
}

export interface RidgeResult {
  /** coefficient of determination: 1 is perfect, 0 is as good as the mean, negative is worse */
  readonly r2: number
  readonly meanAbsoluteError: number
  /** one per test image */
  readonly predictions: Float64Array
  /** number of test images that have a value and were counted */
  readonly count: number
  readonly alpha: number
}

/**
 * Ridge regression of numbers on frozen, standardised features (Hoerl & Kennard 1970). Solved in closed form; equal to
 * scikit-learn's Ridge after a StandardScaler, r2_score and mean_absolute_error. Images whose value is NaN are left out.
 * @param values values of the training and of the test images, one per row
 * @throws SelfsupError if the sizes do not match or fewer than two training or test images have a value
 */
export async function ridge(
  train: Features,
  test: Features,
  values: { readonly train: ArrayLike<number>; readonly test: ArrayLike<number> },
  { alphas = [0.1, 1, 10, 100, 1000], seed = 1 }: RidgeOptions = {},
): Promise<RidgeResult> {
  expectSameWidth('ridge', train, test)
  expectNumbers('ridge', train)
  expectNumbers('ridge', test)
  expected(
    alphas.length > 0 && alphas.every((alpha) => alpha > 0),
    `ridge: alphas must be above 0; got ${alphas.join(', ') || 'none'}`,
  )
  const rows = knownRows('training', train.count, values.train)
  const testRows = knownRows('test', test.count, values.test)
  const scale = standardisation(train, rows)
  const fit = (some: Uint32Array) => normalEquations(train, some, values.train, scale)
  const predict = (from: Features, some: Uint32Array, { weights, intercept }: Linear) => {
    const { width } = from
    return Float64Array.from(some, (row) => {
      let sum = intercept
      for (let f = 0; f < width; f++)
        sum += (from.values[row * width + f]! - scale.mean[f]!) * scale.inverse[f]! * weights[f]!
      return sum
    })
  }

  let alpha = alphas[0]!
  if (alphas.length > 1) {
    const draws = uniforms([seed, 0x21d6e], rows.length)
    const order = Uint32Array.from(rows.keys()).sort((a, b) => draws[a]! - draws[b]!)
    const held = Math.max(1, Math.round(rows.length / 10))
    const pick = (positions: Uint32Array) => positions.map((position) => rows[position]!)
    const heldOut = pick(order.subarray(0, held))
    const equations = await fit(pick(order.subarray(held)))
    const truth = Float64Array.from(heldOut, (row) => values.train[row]!)
    let least = Number.POSITIVE_INFINITY
    for (const candidate of alphas) {
      const predicted = predict(train, heldOut, solve(equations, candidate))
      const squares = predicted.reduce((sum, value, i) => sum + (value - truth[i]!) ** 2, 0)
      if (squares < least) [least, alpha] = [squares, candidate]
    }
  }
  const linear = solve(await fit(rows), alpha)
  const all = Uint32Array.from({ length: test.count }, (_, row) => row)
  const predictions = predict(test, all, linear)
  return { predictions, ...errors(predictions, values.test, testRows), count: testRows.length, alpha }
}

function knownRows(part: string, count: number, values: ArrayLike<number>): Uint32Array {
  expected(
    values.length === count,
    `ridge: there must be one value per ${part} image (NaN if it has none); got ${values.length} for ${count}`,
  )
  const rows = Uint32Array.from(
    Array.from({ length: count }, (_, row) => row).filter((row) => Number.isFinite(values[row])),
  )
  expected(rows.length >= 2, `ridge: at least two ${part} images must have a value; ${rows.length} have one`)
  return rows
}

interface Linear {
  readonly weights: Float64Array
  readonly intercept: number
}

interface Equations {
  /** X^T X, [width, width] */
  readonly products: Float64Array
  /** X^T y */
  readonly right: Float64Array
  readonly means: Float64Array
  readonly mean: number
}

/** Normal equations of centred features and values, so that the intercept is not penalised. */
async function normalEquations(
  from: Features,
  rows: Uint32Array,
  values: ArrayLike<number>,
  scale: ReturnType<typeof standardisation>,
): Promise<Equations> {
  const { width } = from
  const blocks = new RowBlocks(from, rows, { scale, blockRows: 4096 })
  const mean = rows.reduce((sum, row) => sum + values[row]!, 0) / rows.length
  const products = new Float64Array(width * width)
  const right = new Float64Array(width)
  const means = new Float64Array(width)
  for (let block = 0; block < blocks.blocks; block++) {
    const some = rows.subarray(block * 4096, (block + 1) * 4096)
    const parts = tf.tidy(() => {
      const x = blocks.features(block)
      const y = tf.tensor2d(
        Float32Array.from(some, (row) => values[row]! - mean),
        [some.length, 1],
      )
      return [tf.matMul(x, x, true, false), tf.matMul(x, y, true, false), tf.sum(x, 0)]
    })
    const [xx, xy, x] = await Promise.all(parts.map((part) => part.data<'float32'>()))
    tf.dispose(parts)
    for (let i = 0; i < products.length; i++) products[i]! += xx![i]!
    for (let f = 0; f < width; f++) {
      right[f]! += xy![f]!
      means[f]! += x![f]! / rows.length
    }
  }
  // The values are centred already; the features only if these are all rows that the scale was computed from.
  for (let i = 0; i < width; i++)
    for (let j = 0; j < width; j++) products[i * width + j]! -= rows.length * means[i]! * means[j]!
  return { products, right, means, mean }
}

/** (X^T X + alpha) w = X^T y by Cholesky's factorisation. */
function solve({ products, right, means, mean }: Equations, alpha: number): Linear {
  const n = right.length
  const factor = Float64Array.from(products)
  for (let i = 0; i < n; i++) factor[i * n + i]! += alpha
  for (let j = 0; j < n; j++) {
    const row = factor.subarray(j * n, j * n + n)
    for (let i = 0; i <= j; i++) {
      const above = factor.subarray(i * n, i * n + n)
      let sum = row[i]!
      for (let k = 0; k < i; k++) sum -= row[k]! * above[k]!
      row[i] = i === j ? Math.sqrt(Math.max(sum, 1e-12)) : sum / above[i]!
    }
  }
  const weights = Float64Array.from(right)
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) weights[i]! -= factor[i * n + k]! * weights[k]!
    weights[i]! /= factor[i * n + i]!
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) weights[i]! -= factor[k * n + i]! * weights[k]!
    weights[i]! /= factor[i * n + i]!
  }
  const intercept = mean - weights.reduce((sum, weight, f) => sum + weight * means[f]!, 0)
  return { weights, intercept }
}

function errors(predictions: Float64Array, values: ArrayLike<number>, rows: Uint32Array) {
  const mean = rows.reduce((sum, row) => sum + values[row]!, 0) / rows.length
  let [squares, total, absolute] = [0, 0, 0]
  for (const row of rows) {
    squares += (values[row]! - predictions[row]!) ** 2
    total += (values[row]! - mean) ** 2
    absolute += Math.abs(values[row]! - predictions[row]!)
  }
  return {
    r2: total > 0 ? 1 - squares / total : squares > 0 ? 0 : 1,
    meanAbsoluteError: absolute / rows.length,
  }
}
