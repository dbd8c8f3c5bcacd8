import { setImmediate } from 'node:timers/promises'
import { expected, uniforms } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { Features } from './features.js'
import { expectNumbers } from './grade.js'
import { labelledRows } from './labelled-rows.js'
import { minimise, type Objective } from './lbfgs.js'
import { expectSameClasses } from './match-classes.js'
import { RowBlocks, standardisation } from './row-blocks.js'

export interface LinearProbeOptions {
  /**
   * strengths of the l2 penalty to try; the best on a held-out tenth of the training images is used. With one value, nothing
   * is held out.
   */
  readonly l2?: readonly number[]
  readonly maxIterations?: number
  /** seed of the held-out tenth */
  readonly seed?: number
  /** called before each fit */
  readonly onProgress?: (done: number, total: number) => void
  /** bytes of features that stay on the device between iterations; the rest is copied block by block. Default 1 GiB */
  readonly deviceBytes?: number
  /** numbers per block (features or scores, whichever are more); default 2^24, 64 MiB */
  readonly blockNumbers?: number
  /** aborts with the signal's reason */
  readonly signal?: AbortSignal
}

export interface LinearProbeResult {
  /** fraction of the test images that were classified correctly, 0..1 */
  readonly accuracy: number
  /** fraction of the test images whose class is among the five highest scores, 0..1 */
  readonly top5: number
  readonly predictions: Int32Array
  /** number of test images that have a class and were counted */
  readonly count: number
  /** the chosen penalty */
  readonly l2: number
}

/**
 * Linear probe: multinomial logistic regression on frozen, standardised features, the standard measure of linear separability
 * of the classes (Zhang et al. 2016; Chen et al. 2020, arXiv:2002.05709, section 4.2). Solved to convergence by L-BFGS, so that
 * the result does not depend on a learning rate or schedule; the penalty is chosen from a small sweep on held-out training
 * images. Images without a class (-1) are left out.
 *
 * Memory in addition to the given features: `deviceBytes` of standardised features, blocks of a few times 64 MiB, and about 25
 * copies of the weights in double precision; never a second copy of all features, never the scores of all images.
 * @param train features with labels
 * @param test features with labels, of the same width
 * @throws SelfsupError if the widths differ, a class number has two names, or train has fewer than two classes
 */
export async function linearProbe(
  train: Features,
  test: Features,
  {
    l2 = [1e-5, 1e-4, 1e-3, 1e-2],
    maxIterations = 150,
    seed = 1,
    onProgress,
    deviceBytes = 2 ** 30,
    blockNumbers = 2 ** 24,
    signal,
  }: LinearProbeOptions = {},
): Promise<LinearProbeResult> {
  expected(
    train.width === test.width,
    `linearProbe: train has ${train.width} features per image, test ${test.width}`,
  )
  expectSameClasses('linearProbe', train, test)
  expectNumbers('linearProbe', train)
  expectNumbers('linearProbe', test)
  expected(l2.length > 0, 'linearProbe: l2 must contain at least one penalty')
  const rows = labelledRows(train)
  const classes = train.labels.reduce((most, label) => Math.max(most, label), -1) + 1
  expected(
    holdsTwoClasses(train.labels),
    'linearProbe: the training images have fewer than two classes; put the images into one folder per class',
  )
  const testRows = labelledRows(test)
  expected(
    testRows.length > 0,
    'linearProbe: no test image has a class; put the images into one folder per class',
  )
  const blockRows = Math.max(1, Math.floor(blockNumbers / Math.max(train.width, classes)))
  const blocks = { scale: standardisation(train, rows), blockRows }

  let penalty = l2[0]!
  if (l2.length > 1) {
    const { kept, heldOut } = split(rows, seed)
    const fit = new LogisticRegression(new RowBlocks(train, kept, blocks), classes, deviceBytes)
    const check = new RowBlocks(train, heldOut, blocks)
    try {
      let best = -1
      // From strong to weak: each fit starts from the previous solution.
      for (const [index, candidate] of [...l2].sort((a, b) => b - a).entries()) {
        onProgress?.(index, l2.length + 1)
        await fit.solve(candidate, maxIterations, signal)
        const { accuracy } = await fit.grade(check)
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
  const fit = new LogisticRegression(new RowBlocks(train, rows, blocks), classes, deviceBytes)
  try {
    await fit.solve(penalty, maxIterations, signal)
    return {
      ...(await fit.grade(new RowBlocks(test, testRows, blocks))),
      l2: penalty,
      count: testRows.length,
    }
  } finally {
    fit.dispose()
  }
}

/** Minimises mean cross-entropy + l2/2 * |W|^2 over W [width, classes] and the bias. */
class LogisticRegression {
  #weights: Float64Array
  readonly #width: number
  readonly #classes: number
  readonly #rows: RowBlocks
  /** the first blocks, which stay on the device */
  readonly #resident: readonly tf.Tensor2D[]

  constructor(rows: RowBlocks, classes: number, deviceBytes: number) {
    this.#width = rows.width
    this.#classes = classes
    this.#weights = new Float64Array((rows.width + 1) * classes)
    this.#rows = rows
    this.#resident = rows.firstOnDevice(deviceBytes)
  }

  async solve(l2: number, maxIterations: number, signal?: AbortSignal): Promise<void> {
    const { x } = await minimise(this.#objective(l2, signal), this.#weights, { maxIterations })
    this.#weights = x
  }

  #objective(l2: number, signal?: AbortSignal): Objective {
    const weightCount = this.#width * this.#classes
    return async (x) => {
      await setImmediate() // lets abort signals fire
      signal?.throwIfAborted()
      const sums = this.#sums(x)
      const [[loss], dW, db] = (await Promise.all(sums.map((part) => part.data()))) as [
        Float32Array,
        Float32Array,
        Float32Array,
      ]
      for (const part of sums) part.dispose()
      const gradient = new Float64Array(x.length)
      let squares = 0
      for (let i = 0; i < weightCount; i++) {
        gradient[i] = dW[i]! + l2 * x[i]!
        squares += x[i]! * x[i]!
      }
      gradient.set(db, weightCount)
      return { value: loss! + (l2 / 2) * squares, gradient }
    }
  }

  /** Mean cross-entropy over all images, and its gradients with respect to W and the bias. */
  #sums(x: Float64Array): tf.Tensor[] {
    const { weights, bias } = this.#variables(x)
    const examples = this.#rows.count
    let sums: tf.Tensor[] = []
    for (let block = 0; block < this.#rows.blocks; block++) {
      const before = sums
      sums = tf.tidy(() => {
        const inputs = this.#resident[block] ?? this.#rows.features(block)
        const targets = tf.oneHot(tf.tensor1d(this.#rows.labels(block), 'int32'), this.#classes)
        const logProbabilities = tf.logSoftmax(tf.add(tf.matMul(inputs, weights), bias) as tf.Tensor2D)
        const loss = tf.div(tf.neg(tf.sum(tf.mul(logProbabilities, targets))), examples)
        const error = tf.div(tf.sub(tf.exp(logProbabilities), targets), examples) as tf.Tensor2D
        const parts = [loss, tf.matMul(inputs, error, true, false), tf.sum(error, 0)]
        return parts.map((part, i) => (before[i] ? tf.add(before[i], part) : part))
      })
      tf.dispose(before)
    }
    tf.dispose({ weights, bias })
    return sums
  }

  #variables(x: Float64Array): { weights: tf.Tensor2D; bias: tf.Tensor1D } {
    const weightCount = this.#width * this.#classes
    return {
      weights: tf.tensor2d(Float32Array.from(x.subarray(0, weightCount)), [this.#width, this.#classes]),
      bias: tf.tensor1d(Float32Array.from(x.subarray(weightCount))),
    }
  }

  /** Accuracy, top-5 accuracy and predictions of the rows. */
  async grade(rows: RowBlocks): Promise<{ accuracy: number; top5: number; predictions: Int32Array }> {
    const { weights, bias } = this.#variables(this.#weights)
    const predictions = new Int32Array(rows.count)
    let [first, five, done] = [0, 0, 0]
    try {
      for (let block = 0; block < rows.blocks; block++) {
        const logits = tf.tidy(() => tf.add(tf.matMul(rows.features(block), weights), bias))
        const scores = await logits.data<'float32'>()
        logits.dispose()
        const graded = gradeScores(scores, rows.labels(block), this.#classes)
        predictions.set(graded.predictions, done)
        done += graded.predictions.length
        first += graded.first
        five += graded.five
      }
    } finally {
      tf.dispose({ weights, bias })
    }
    return { accuracy: first / rows.count, top5: five / rows.count, predictions }
  }

  dispose(): void {
    tf.dispose([...this.#resident])
  }
}

function holdsTwoClasses(labels: Int32Array): boolean {
  const first = labels.find((label) => label >= 0)
  return labels.some((label) => label >= 0 && label !== first)
}

/** Splits off a random tenth of the rows. */
function split(rows: Uint32Array, seed: number): { kept: Uint32Array; heldOut: Uint32Array } {
  const draws = uniforms([seed, 0x11ea2], rows.length)
  const order = Uint32Array.from(rows.keys()).sort((a, b) => draws[a]! - draws[b]!)
  const size = Math.max(1, Math.round(rows.length / 10))
  return {
    heldOut: order.subarray(0, size).map((position) => rows[position]!),
    kept: order.subarray(size).map((position) => rows[position]!),
  }
}

/** @param scores logits [rows, classes], row after row */
function gradeScores(
  scores: Float32Array,
  labels: Int32Array,
  classes: number,
): { first: number; five: number; predictions: Int32Array } {
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
    // A class without training images has no logit and counts as wrong.
    const own = logits[label]
    if (own !== undefined && logits.reduce((above, logit) => above + (logit > own ? 1 : 0), 0) < 5) five++
  }
  return { first, five, predictions }
}
