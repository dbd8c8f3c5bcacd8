import type { EvaluationValue } from '@selfsup/run-folder'
import { partInterval } from '../intervals.js'
import { knn, nearestImages } from '../knn.js'
import type { Protocol } from '../protocol.js'
import { spreadRows } from '../rows-of.js'
import { type Answers, classRecall, classValues, confusionOf, ofLabelled } from './classification.js'
import { everything, missingClasses } from './requirements.js'

const [K, TEMPERATURE, SHOWN, NEAREST] = [200, 0.07, 12, 8]

/** Weighted k-nearest neighbours (Wu et al. 2018), with examples of nearest images. */
export const knnProtocol: Protocol = {
  name: 'knn',
  title: 'Nearest neighbours',
  summary: 'weighted kNN, k = 200, temperature 0.07',
  missing: missingClasses,
  async find(subject, { onProgress }) {
    const values: EvaluationValue[] = []
    const answers: Answers[] = []
    const all = everything(subject)
    for (const [i, { name, train, test }] of all.entries()) {
      onProgress?.(i / all.length, name)
      const { accuracy, count, predictions } = await knn(train, test, { k: K, temperature: TEMPERATURE })
      const { interval } = partInterval(accuracy, count)
      values.push({
        metric: 'accuracy',
        features: name,
        value: accuracy,
        interval,
        unit: 'part',
        higherIsBetter: true,
      })
      answers.push({ features: name, predictions: [ofLabelled(test, predictions)] })
    }
    values.push(...classValues(subject, answers))
    const { train, test } = subject
    const rows = spreadRows(test.count, SHOWN)
    const nearest = await nearestImages(train, test, rows, NEAREST)
    return {
      options: { k: Math.min(K, train.count), temperature: TEMPERATURE },
      values,
      confusion: confusionOf(subject, answers[0]!.predictions[0]!),
      classRecall: classRecall(subject, answers[0]!.predictions),
      neighbours: nearest.map((found, i) => ({
        query: test.indices[rows[i]!]!,
        nearest: found.map(({ row, similarity }) => ({
          split: 'train' as const,
          position: train.indices[row]!,
          similarity,
        })),
      })),
    }
  },
}
