import type { EvaluationValue } from '@selfsup/run-folder'
import { accuracyInterval } from '../intervals.js'
import { type LinearProbeResult, linearProbe } from '../linear-probe.js'
import type { Protocol } from '../protocol.js'
import { type Answers, classCount, classRecall, classValues, confusionOf } from './classification.js'
import { everything, missingClasses } from './requirements.js'

/** Logistic regression on frozen features; each seed holds out a different tenth to choose the penalty. */
export const linearProbeProtocol: Protocol = {
  name: 'linear-probe',
  title: 'Linear probe',
  summary: 'logistic regression on frozen features; mean and interval over seeds',
  missing: missingClasses,
  async find(subject, { seed, seeds: count = 3, signal, onProgress }) {
    const seeds = Array.from({ length: count }, (_, i) => seed + i)
    const values: EvaluationValue[] = []
    const all = everything(subject)
    const answers: Answers[] = []
    let own: LinearProbeResult | undefined
    for (const [i, { name, train, test }] of all.entries()) {
      const results: LinearProbeResult[] = []
      for (const [j, each] of seeds.entries()) {
        signal?.throwIfAborted()
        onProgress?.((i + j / seeds.length) / all.length, name)
        results.push(await linearProbe(train, test, { seed: each, signal }))
      }
      own ??= results[0]!
      answers.push({ features: name, predictions: results.map(({ predictions }) => predictions) })
      const { count } = results[0]!
      const of = (metric: 'accuracy' | 'top5') => ({
        metric: metric === 'accuracy' ? 'accuracy' : 'accuracy of the best five',
        features: name,
        ...accuracyInterval(
          results.map((result) => result[metric]),
          count,
        ),
        unit: 'part' as const,
        higherIsBetter: true,
      })
      values.push(of('accuracy'))
      if (classCount(train) > 5) values.push(of('top5'))
    }
    values.push(...classValues(subject, answers))
    return {
      options: { seeds, l2: own!.l2 },
      values,
      confusion: confusionOf(subject, own!.predictions),
      classRecall: classRecall(subject, answers[0]!.predictions),
    }
  },
}
