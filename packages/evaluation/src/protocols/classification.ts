import type { EvaluationRecord, EvaluationValue } from '@selfsup/run-folder'
import { classScores, isImbalanced, majorityAccuracy } from '../class-scores.js'
import type { Features } from '../features.js'
import { mean, partInterval } from '../intervals.js'
import type { SplitFeatures } from '../protocol.js'

/** A larger confusion matrix is not readable. */
const MOST_CLASSES = 100

/** Predictions for the test images by a classifier, or by one classifier per seed. */
export interface Answers {
  readonly features: string
  /** predicted class of each test image that has a class, in their order */
  readonly predictions: readonly Int32Array[]
}

/**
 * Values to report with an accuracy: the accuracy of always predicting the most frequent class; for imbalanced classes, for
 * which accuracy alone is misleading, also balanced accuracy and macro F1 (means over seeds).
 */
export function classValues(subject: SplitFeatures, all: readonly Answers[]): EvaluationValue[] {
  const labels = labelled(subject.test)
  if (!isImbalanced(labels)) return [majorityValue(subject)]
  return [
    ...all.flatMap(({ features, predictions }) => {
      const scores = predictions.map((each) => classScores(each, labels))
      return [
        {
          metric: 'balanced accuracy',
          features,
          value: mean(scores.map((s) => s.balancedAccuracy)),
          ...part,
        },
        { metric: 'macro F1', features, value: mean(scores.map((s) => s.macroF1)), ...part },
      ]
    }),
    majorityValue(subject),
  ]
}

/** The accuracy of always predicting the most frequent class of the training images. */
export function majorityValue(
  { train, test }: Pick<SplitFeatures, 'train' | 'test'>,
  metric = 'accuracy',
): EvaluationValue {
  const labels = labelled(test)
  const { value, interval } = partInterval(majorityAccuracy(train.labels, labels), labels.length)
  return { metric, features: 'most frequent class', value, interval, ...part }
}

/** The accuracy of one cluster for all test images, matched with their most frequent class. */
export function largestClassValue({ test }: Pick<SplitFeatures, 'test'>): EvaluationValue {
  return majorityValue({ train: test, test })
}

const part = { unit: 'part', higherIsBetter: true } as const

/**
 * Recall of each class of the test images: mean over the predictions of several seeds.
 * @param predictions one list per seed, a class for each test image that has one
 * @returns classes in the order of their numbers; undefined if there are too many for a table
 */
export function classRecall(
  { train, test }: SplitFeatures,
  predictions: readonly Int32Array[],
): EvaluationRecord['classRecall'] {
  if (classCount(test) > MOST_CLASSES) return undefined
  const labels = labelled(test)
  const recalls = predictions.map((each) => classScores(each, labels).recall)
  const counts = new Map<number, number>()
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1)
  return [...counts]
    .sort(([a], [b]) => a - b)
    .map(([label, count]) => ({
      name: train.classes?.[label] ?? test.classes?.[label] ?? String(label),
      count,
      recall: mean(recalls.map((each) => each[label]!)),
    }))
}

/** Confusion matrix; undefined if there are too many classes for a table. */
export function confusionOf(
  { train, test }: SplitFeatures,
  predictions: Int32Array,
): EvaluationRecord['confusion'] {
  const most = Math.max(classCount(train), classCount(test))
  if (most > MOST_CLASSES) return undefined
  const counts = Array.from({ length: most }, () => new Array<number>(most).fill(0))
  for (const [i, label] of labelled(test).entries()) counts[label]![predictions[i]!]!++
  return {
    classes: counts.map((_, c) => train.classes?.[c] ?? test.classes?.[c] ?? String(c)),
    counts,
  }
}

/** One more than the highest class number. */
export function classCount({ labels }: Features): number {
  return labels.reduce((most, label) => Math.max(most, label), -1) + 1
}

/** The predictions of images that have a class. */
export function ofLabelled({ labels }: Features, predictions: Int32Array): Int32Array {
  return predictions.filter((_, i) => labels[i]! >= 0)
}

function labelled({ labels }: Features): Int32Array {
  return labels.filter((label) => label >= 0)
}
