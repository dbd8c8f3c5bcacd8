import { expected } from '@selfsup/core'

/** Scores of a classifier per class. */
export interface ClassScores {
  /** mean recall of the classes that occur, 0..1: accuracy in which each class counts the same */
  readonly balancedAccuracy: number
  /** mean F1 of the classes that occur or are predicted, 0..1 */
  readonly macroF1: number
  /** recall of each class, by class number; NaN for a class that does not occur */
  readonly recall: Float64Array
}

/**
 * Scores that are not distorted by imbalanced classes, as scikit-learn's `balanced_accuracy_score` and
 * `f1_score(average='macro', zero_division=0)` define them.
 * @param predictions a class per image
 * @param labels the true classes; images without a class (-1) are left out
 * @throws SelfsupError if the lengths differ or no image has a class
 */
export function classScores(predictions: ArrayLike<number>, labels: ArrayLike<number>): ClassScores {
  expected(
    predictions.length === labels.length,
    `classScores: one prediction per label; got ${predictions.length} and ${labels.length}`,
  )
  const right = new Map<number, number>()
  const actual = new Map<number, number>()
  const predicted = new Map<number, number>()
  const add = (counts: Map<number, number>, label: number) => counts.set(label, (counts.get(label) ?? 0) + 1)
  for (let i = 0; i < labels.length; i++) {
    const [label, prediction] = [labels[i]!, predictions[i]!]
    if (label < 0) continue
    add(actual, label)
    add(predicted, prediction)
    if (label === prediction) add(right, label)
  }
  expected(actual.size > 0, 'classScores: no image has a class')

  const recall = new Float64Array(Math.max(...actual.keys()) + 1).fill(Number.NaN)
  for (const [label, count] of actual) recall[label] = (right.get(label) ?? 0) / count
  const recalls = [...actual.keys()].map((label) => recall[label]!)
  const either = new Set([...actual.keys(), ...predicted.keys()])
  const f1 = [...either].map(
    (label) => (2 * (right.get(label) ?? 0)) / ((actual.get(label) ?? 0) + (predicted.get(label) ?? 0)),
  )
  return { balancedAccuracy: mean(recalls), macroF1: mean(f1), recall }
}

/**
 * The accuracy of a classifier that ignores the image and always predicts the most frequent class of the training
 * images: the baseline for any accuracy.
 * @throws SelfsupError if no training or no test image has a class
 */
export function majorityAccuracy(train: ArrayLike<number>, test: ArrayLike<number>): number {
  const counts = countsOf(train)
  const tested = countsOf(test)
  expected(counts.size > 0 && tested.size > 0, 'majorityAccuracy: no image has a class')
  const [majority] = [...counts].reduce((most, each) => (each[1] > most[1] ? each : most))
  const total = [...tested.values()].reduce((sum, count) => sum + count, 0)
  return (tested.get(majority) ?? 0) / total
}

/** Whether accuracy can mislead: the largest class has at least twice as many images as the smallest. */
export function isImbalanced(labels: ArrayLike<number>): boolean {
  const counts = [...countsOf(labels).values()]
  return counts.length > 1 && Math.max(...counts) >= 2 * Math.min(...counts)
}

function countsOf(labels: ArrayLike<number>): Map<number, number> {
  const counts = new Map<number, number>()
  for (let i = 0; i < labels.length; i++)
    if (labels[i]! >= 0) counts.set(labels[i]!, (counts.get(labels[i]!) ?? 0) + 1)
  return counts
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
