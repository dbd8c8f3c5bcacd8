import { expected } from '@selfsup/core'
import type { Features } from './features.js'
import { labelledRows } from './labelled-rows.js'
import { expectSameClasses } from './match-classes.js'

/** Result of classifying test images. */
export interface Graded {
  /** fraction of the test images that were classified correctly, 0..1 */
  readonly accuracy: number
  /** predicted class of each test image */
  readonly predictions: Int32Array
  /** number of test images that have a class and were counted */
  readonly count: number
}

/** @throws SelfsupError if no test image has a class */
export function grade(where: string, predictions: Int32Array, labels: Int32Array): Graded {
  let [right, count] = [0, 0]
  for (let i = 0; i < labels.length; i++) {
    if (labels[i]! < 0) continue
    count++
    if (predictions[i] === labels[i]) right++
  }
  expected(count > 0, `${where}: no test image has a class; put the images into one folder per class`)
  return { accuracy: right / count, predictions, count }
}

/** Training rows that have a class. */
export interface ClassRows {
  readonly rows: Uint32Array
  /** one more than the highest class number */
  readonly classes: number
}

/**
 * Checks the data of a classifier.
 * @throws SelfsupError if the widths differ, a class number has two names, a feature is not finite, or train has fewer than
 *   two classes
 */
export function classRows(where: string, train: Features, test: Features): ClassRows {
  expectSameWidth(where, train, test)
  expectSameClasses(where, train, test)
  expectNumbers(where, train)
  expectNumbers(where, test)
  const rows = labelledRows(train)
  const first = rows.length > 0 ? train.labels[rows[0]!] : undefined
  expected(
    rows.some((row) => train.labels[row] !== first),
    `${where}: the training images have fewer than two classes; put the images into one folder per class`,
  )
  return { rows, classes: rows.reduce((most, row) => Math.max(most, train.labels[row]!), 0) + 1 }
}

/** @throws SelfsupError if the widths differ */
export function expectSameWidth(where: string, train: Features, test: Features): void {
  expected(
    train.width === test.width,
    `${where}: train has ${train.width} features per image, test ${test.width}; use features of the same network`,
  )
}

/** @throws SelfsupError naming the first feature that is not finite */
export function expectNumbers(where: string, { values, width }: Pick<Features, 'values' | 'width'>): void {
  // A finite sum means that all numbers are finite, and is much faster to compute.
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]! * 0
  if (sum === 0) return
  const at = values.findIndex((value) => !Number.isFinite(value))
  expected(
    at < 0,
    `${where}: feature ${at % width} of image ${Math.floor(at / width)} is ${values[at]}; features must be finite numbers: the run may have diverged`,
  )
}
