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
 * Further scores for imbalanced classes, for which accuracy alone is misleading: balanced accuracy and macro F1 (means over
 * seeds), and the accuracy of always predicting the most frequent class.
 * @returns an empty list if the classes of the test images are balanced
 */
export function imbalanceValues({ train, test }: SplitFeatures, all: readonly Answers[]): EvaluationValue[] {
  const labels = labelled(test)
  if (!isImbalanced(labels)) return []
  const part = { unit: 'part', higherIsBetter: true } as const
  const majority = majorityAccuracy(train.labels, labels)
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
    {
      metric: 'accuracy',
      features: 'most frequent class',
      ...partInterval(majority, labels.length),
      ...part,
    },
  ]
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
