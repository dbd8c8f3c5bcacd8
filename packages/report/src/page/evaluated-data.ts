import type { EvaluationRecord } from '@selfsup/run-folder'

/** Names the images of an evaluation: records with different names are not compared. */
function dataOf({ images: { train, test } }: EvaluationRecord): string {
  return JSON.stringify([train.fingerprint, train.count, test.fingerprint, test.count])
}

/** Names a result: the protocol and the images. */
export function resultOf(record: EvaluationRecord): string {
  return `${record.protocol} ${dataOf(record)}`
}

/** Fraction of the test images that are training images too: such results are marked and never the best. */
export function onTraining({ images: { train, test } }: EvaluationRecord): number {
  if (train.fingerprint === test.fingerprint) return 1
  return test.count > 0 ? (test.inTraining ?? 0) / test.count : 0
}

/** Short text for test images: `tested on test, 10 000 images`, or a mark if they are training images. */
export function dataLabel(record: EvaluationRecord): string {
  const { test } = record.images
  const count = String(test.count).replace(/\B(?=(\d{3})+(?!\d))/g, '\u202f')
  const part = onTraining(record)
  const mark =
    part === 1
      ? ', on the training images'
      : part > 0
        ? `, ${(100 * part).toFixed(1)}\u202f% of them training images`
        : ''
  return `tested on ${lastParts(test.source)}, ${count} images${mark}`
}

/** The last two parts of a path. */
function lastParts(path: string): string {
  return path.split(/[\\/]/).filter(Boolean).slice(-2).join('/')
}

/** Protocols in the order in which they are shown, best known first. */
const first = ['linear-probe', 'linear', 'knn', 'fine-tuning', 'fine-tune']

/**
 * Sorts records: results on the training images come last; before them, records with more test images come first; for the same
 * images, the best known protocols come first.
 */
export function ordered(records: readonly EvaluationRecord[]): EvaluationRecord[] {
  const place = ({ protocol }: EvaluationRecord) =>
    (first.indexOf(protocol) + first.length + 1) % (first.length + 1)
  return [...records].sort(
    (a, b) =>
      onTraining(a) - onTraining(b) ||
      b.images.test.count - a.images.test.count ||
      (dataOf(a) < dataOf(b) ? -1 : dataOf(a) > dataOf(b) ? 1 : place(a) - place(b)),
  )
}

/** Whether the page must name the test images: the records are about different images, or about training images. */
export function needsLabels(records: readonly EvaluationRecord[]): boolean {
  return new Set(records.map(dataOf)).size > 1 || records.some((record) => onTraining(record) > 0)
}
