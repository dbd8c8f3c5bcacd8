import type { EvaluationValue } from '@selfsup/run-folder'
import type { Features } from '../features.js'
import { accuracyInterval } from '../intervals.js'
import { type LinearProbeResult, linearProbe } from '../linear-probe.js'
import type { Protocol, SplitFeatures } from '../protocol.js'
import { everything, lacksClasses } from './lacking.js'

/** A table of more classes can't be read. */
const MOST_CLASSES = 100

/** Logistic regression on frozen features; each seed holds out another tenth to choose the penalty. */
export const linearProbeProtocol: Protocol = {
  name: 'linear-probe',
  title: 'Linear probe',
  summary: 'logistic regression on frozen features; mean and interval over seeds',
  lacks: lacksClasses,
  async find(subject, { seed, seeds: count = 3, signal, onProgress }) {
    const seeds = Array.from({ length: count }, (_, i) => seed + i)
    const values: EvaluationValue[] = []
    const all = everything(subject)
    let own: LinearProbeResult | undefined
    for (const [i, { name, train, test }] of all.entries()) {
      const results: LinearProbeResult[] = []
      for (const [j, each] of seeds.entries()) {
        signal?.throwIfAborted()
        onProgress?.((i + j / seeds.length) / all.length, name)
        results.push(await linearProbe(train, test, { seed: each, signal }))
      }
      own ??= results[0]!
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
    return { options: { seeds, l2: own!.l2 }, values, confusion: confusionOf(subject, own!) }
  },
}

function classCount({ labels }: Features): number {
  return labels.reduce((most, label) => Math.max(most, label), -1) + 1
}

function confusionOf({ train, test }: SplitFeatures, { predictions }: LinearProbeResult) {
  const most = Math.max(classCount(train), classCount(test))
  if (most > MOST_CLASSES) return undefined
  const counts = Array.from({ length: most }, () => new Array<number>(most).fill(0))
  // The probe tells the test images that have a class, in their order.
  const labels = test.labels.filter((label) => label >= 0)
  for (const [i, label] of labels.entries()) counts[label]![predictions[i]!]!++
  return {
    classes: counts.map((_, c) => train.classes?.[c] ?? test.classes?.[c] ?? String(c)),
    counts,
  }
}
