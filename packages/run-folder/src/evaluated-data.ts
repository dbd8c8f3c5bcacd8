import { createHash } from 'node:crypto'
import type { EvaluationRecord } from './evaluation-record.js'

type WithImages = Pick<EvaluationRecord, 'images'>

/**
 * Key of the data of an evaluation: the fingerprints of the images that trained the probe and of those that tested it, and
 * how many of each were used. Records of one protocol with different keys are kept side by side and are never compared.
 * @returns 12 hexadecimal digits
 */
export function evaluatedData({ images: { train, test } }: WithImages): string {
  const text = JSON.stringify([train.fingerprint, train.count, test.fingerprint, test.count])
  return createHash('sha256').update(text).digest('hex').slice(0, 12)
}

/**
 * Fraction of the test images that are training images too, 0..1. A result above 0 says little about other images, and is
 * never the main result of a run.
 */
export function testedOnTraining({ images: { train, test } }: WithImages): number {
  if (train.fingerprint === test.fingerprint) return 1
  return test.count > 0 ? (test.inTraining ?? 0) / test.count : 0
}
