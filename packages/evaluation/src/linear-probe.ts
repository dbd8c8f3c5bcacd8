import { expected, uniforms } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { Features } from './features.js'
import { minimise, type Objective } from './lbfgs.js'

export interface LinearProbeOptions {
  /**
   * strengths of the l2 penalty to try; the best on a tenth of the training images held out is taken.
   * With one value nothing is held out.
   */
  readonly l2?: readonly number[]
  readonly maxIterations?: number
  /** of the held-out tenth */
  readonly seed?: number
  /** called before each fit */
  readonly onProgress?: (done: number, total: number) => void
}

export interface LinearProbeResult {
  /** part of the test images whose class won, 0..1 */
  readonly accuracy: number
  /** part of the test images whose class was among the best five, 0..1 */
  readonly top5: number
  readonly predictions: Int32Array
  /** how many test images had a class and were counted */
  readonly count: number
  /** the penalty taken */
  readonly l2: number
}

/**
 * Linear probe: multinomial logistic regression on frozen, standardised features, the standard measure of
 * how linearly the classes are laid out (Zhang et al. 2016; Chen et al. 2020, arXiv:2002.05709, section 4.2).
 * Solved to convergence by L-BFGS, so that no learning rate or schedule colours the result; the penalty is
 * chosen from a small sweep on held-out training images. Images without a class (-1) are left out.
 * @param train features with labels
 * @param test features with labels, of the same width
 * @throws SelfsupError when the widths differ, or train has fewer than two classes
 */
export async function linearProbe(
  train: Features,
  test: Features,
  { l2 = [1e-5, 1e-4, 1e-3, 1e-2], maxIterations = 150, seed = 1, onProgress }: LinearProbeOptions = {},
): Promise<LinearProbeResult> {
  expected(
    train.width === test.width,
    `linearProbe: train has ${train.width} features per image, test ${test.width}`,
  )
  expected(l2.length > 0, 'linearProbe: l2 must hold at least one penalty')
  const rows = labelledRows(train)
  const classes = train.labels.reduce((most, label) => Math.max(most, label), -1) + 1
  expected(
    new Set(rows.map((row) => train.labels[row]!)).size >= 2,
    'linearProbe: the training images have fewer than two classes; put the images into one folder per class',
  )
  const scale = standardisation(train, rows)
  const testRows = labelledRows(test)
  expected(
    testRows.length > 0,
    'linearProbe: no test image has a class; put the images into one folder per class',
  )

  let penalty = l2[0]!
  if (l2.length > 1) {
    const { kept, heldOut } = split(rows, seed)
    const fit = new LogisticRegression(gather(train, kept, scale), classes)
    const check = gather(train, heldOut, scale)
    try {
      let best = -1
      // From strong to weak: each fit starts where the last ended.
      for (const [index, candidate] of [...l2].sort((a, b) => b - a).entries()) {
        onProgress?.(index, l2.length + 1)
        await fit.solve(candidate, maxIterations)
        const { accuracy } = grade(await fit.scores(check), check.labels, classes)
        if (accuracy > best) {
          best = accuracy
          penalty = candidate
        }
      }
    } finally {
      fit.dispose()
    }
  }
  onProgress?.(l2.length, l2.length + 1)
  const fit = new LogisticRegression(gather(train, rows, scale), classes)
  try {
    await fit.solve(penalty, maxIterations)
    const target = gather(test, testRows, scale)
    const scores = await fit.scores(target)
    const graded = grade(scores, target.labels, classes)
    return { ...graded, l2: penalty, count: testRows.length }
  } finally {
    fit.dispose()
  }
}

interface Rows {
  readonly values: Float32Array
  readonly labels: Int32Array
  readonly width: number
}

/** Minimises mean cross-entropy + l2/2 * |W|^2 over W [width, classes] and the bias. */
class LogisticRegression {
  #weights: Float64Array
  readonly #width: number
  readonly #classes: number
  readonly #inputs: tf.Tensor2D
  readonly #targets: tf.Tensor2D

  constructor({ values, labels, width }: Rows, classes: number) {
    this.#width = width
    this.#classes = classes
    this.#weights = new Float64Array((width + 1) * classes)
    this.#inputs = tf.tensor2d(values, [labels.length, width])
    this.#targets = tf.tidy(
      () => tf.cast(tf.oneHot(tf.tensor1d(labels, 'int32'), classes), 'float32') as tf.Tensor2D,
    )
  }

  async solve(l2: number, maxIterations: number): Promise<void> {
    const { x } = await minimise(this.#objective(l2), this.#weights, { maxIterations })
    this.#weights = x
  }

  #objective(l2: number): Objective {
    const weightCount = this.#width * this.#classes
    return async (x) => {
      const [loss, weightGradient, biasGradient] = tf.tidy(() => {
        const logProbabilities = tf.logSoftmax(this.#logits(this.#inputs, x))
        const examples = this.#inputs.shape[0]
        const loss = tf.div(tf.neg(tf.sum(tf.mul(logProbabilities, this.#targets))), examples)
        const error = tf.div(tf.sub(tf.exp(logProbabilities), this.#targets), examples) as tf.Tensor2D
        return [loss, tf.matMul(this.#inputs, error, true, false), tf.sum(error, 0)]
      })
      const parts = [loss, weightGradient, biasGradient]
      const [[mean], dW, db] = (await Promise.all(parts.map((part) => part.data()))) as [
        Float32Array,
        Float32Array,
        Float32Array,
      ]
      for (const part of parts) part.dispose()
      const gradient = new Float64Array(x.length)
      let squares = 0
      for (let i = 0; i < weightCount; i++) {
        gradient[i] = dW[i]! + l2 * x[i]!
        squares += x[i]! * x[i]!
      }
      gradient.set(db, weightCount)
      return { value: mean! + (l2 / 2) * squares, gradient }
    }
  }

  #logits(inputs: tf.Tensor2D, x: Float64Array): tf.Tensor2D {
    const weightCount = this.#width * this.#classes
    const weights = tf.tensor2d(Float32Array.from(x.subarray(0, weightCount)), [this.#width, this.#classes])
    return tf.add(tf.matMul(inputs, weights), tf.tensor1d(Float32Array.from(x.subarray(weightCount))))
  }

  /** Logits [rows, classes], row after row. */
  async scores({ values, labels, width }: Rows): Promise<Float32Array> {
    const logits = tf.tidy(() => this.#logits(tf.tensor2d(values, [labels.length, width]), this.#weights))
    try {
      return await logits.data<'float32'>()
    } finally {
      logits.dispose()
    }
  }

  dispose(): void {
    this.#inputs.dispose()
    this.#targets.dispose()
  }
}

function labelledRows({ labels }: Features): number[] {
  return [...labels.keys()].filter((row) => labels[row]! >= 0)
}

/** Mean and inverse standard deviation of each feature over the training rows. */
function standardisation(
  { values, width }: Features,
  rows: readonly number[],
): { mean: Float64Array; inverse: Float64Array } {
  const mean = new Float64Array(width)
  const squares = new Float64Array(width)
  for (const row of rows) for (let f = 0; f < width; f++) mean[f]! += values[row * width + f]! / rows.length
  for (const row of rows)
    for (let f = 0; f < width; f++) squares[f]! += (values[row * width + f]! - mean[f]!) ** 2
  // A feature that never changes carries nothing; dividing by its spread would only blow up its noise.
  const inverse = squares.map((sum) => (sum > 0 ? 1 / Math.sqrt(sum / rows.length) : 0))
  return { mean, inverse }
}

function gather(
  { values, width, labels }: Features,
  rows: readonly number[],
  { mean, inverse }: { mean: Float64Array; inverse: Float64Array },
): Rows {
  const packed = new Float32Array(rows.length * width)
  for (const [position, row] of rows.entries()) {
    for (let f = 0; f < width; f++)
      packed[position * width + f] = (values[row * width + f]! - mean[f]!) * inverse[f]!
  }
  return { values: packed, labels: Int32Array.from(rows, (row) => labels[row]!), width }
}

/** A tenth of the rows, chosen by the seed, and the rest. */
function split(rows: readonly number[], seed: number): { kept: number[]; heldOut: number[] } {
  const draws = uniforms([seed, 0x11ea2], rows.length)
  const order = [...rows.keys()].sort((a, b) => draws[a]! - draws[b]!)
  const size = Math.max(1, Math.round(rows.length / 10))
  return {
    heldOut: order.slice(0, size).map((position) => rows[position]!),
    kept: order.slice(size).map((position) => rows[position]!),
  }
}

function grade(
  scores: Float32Array,
  labels: Int32Array,
  classes: number,
): { accuracy: number; top5: number; predictions: Int32Array } {
  const predictions = new Int32Array(labels.length)
  let first = 0
  let five = 0
  for (let row = 0; row < labels.length; row++) {
    const logits = scores.subarray(row * classes, (row + 1) * classes)
    let best = 0
    for (let c = 1; c < classes; c++) if (logits[c]! > logits[best]!) best = c
    predictions[row] = best
    const label = labels[row]!
    if (best === label) first++
    // A class that training never saw is not among the logits and counts as wrong.
    const own = logits[label]
    if (own !== undefined && logits.reduce((above, logit) => above + (logit > own ? 1 : 0), 0) < 5) five++
  }
  return { accuracy: first / labels.length, top5: five / labels.length, predictions }
}
