import type { EvaluationValue } from '@selfsup/run-folder'
import { accuracyInterval, type Estimate, partInterval } from '../intervals.js'
import { labelParts, labelSubsets } from '../label-subsets.js'
import { linearProbe } from '../linear-probe.js'
import type { Protocol, ProtocolContext, SplitFeatures, Subject } from '../protocol.js'
import { rowsOf } from '../rows-of.js'
import { majorityValue } from './classification.js'
import { everything, missingClasses } from './requirements.js'
import { labelledImages, partOf, stepsFor, trainedFrom } from './training.js'

type Point = Estimate & { readonly part: number }

/** Accuracy over the fraction of known labels: the chart of CPC v2 (Hénaff et al. 2020, figure 1). */
export const dataEfficiencyProtocol: Protocol = {
  name: 'data-efficiency',
  title: 'Data efficiency',
  summary: 'accuracy at 1 to 100 % of the labels: linear and fine-tuned, against supervised from scratch',
  trains: true,
  missing: missingClasses,
  async find(subject, context) {
    const { seed, seeds: count = 3, quick, onProgress } = context
    const parts = quick ? [0.1, 1] : labelParts
    const seeds = Array.from({ length: count }, (_, i) => seed + i)
    const starts = subject.images?.starts ?? []
    const all = everything(subject)
    const weight = { linear: 0.2 / all.length, training: 0.8 / Math.max(1, starts.length) }
    const series: { name: string; points: Point[] }[] = []
    for (const [i, each] of all.entries()) {
      const report = (done: number) => onProgress?.((i + done) * weight.linear, `linear: ${each.name}`)
      const name = i === 0 ? 'linear probe' : `linear probe, ${each.name}`
      const points = await partOf(context, name, () => linearCurve(each, parts, seeds, context, report))
      series.push({ name, points })
    }
    for (const [i, start] of starts.entries()) {
      const name = start.name === 'random' ? 'supervised from scratch' : `fine-tuned, ${start.name}`
      const report = (done: number) => onProgress?.(0.2 + (i + done) * weight.training, name)
      series.push({ name, points: await tunedCurve(subject, i, parts, context, report) })
    }
    return {
      options: { parts, seeds },
      values: [
        ...series.flatMap(({ name, points }) => points.map((point) => describedPoint(name, point))),
        majorityValue(subject, metricAt(1)),
      ],
      charts: [
        {
          title: 'Accuracy by labels',
          x: { label: 'labels known, %', logarithmic: true },
          y: { label: 'accuracy on test images', part: true },
          series: series.map(({ name, points }) => ({
            name,
            points: points.map(({ part, value, interval }) => [100 * part, value, ...interval] as const),
          })),
        },
      ],
    }
  },
}

function metricAt(part: number): string {
  return `accuracy at ${+(100 * part).toPrecision(3)} % of the labels`
}

function describedPoint(features: string, { part, value, interval }: Point): EvaluationValue {
  return { metric: metricAt(part), features, value, interval, unit: 'part', higherIsBetter: true }
}

/** Each seed draws different labels. */
async function linearCurve(
  { train, test }: SplitFeatures,
  parts: readonly number[],
  seeds: readonly number[],
  { signal }: ProtocolContext,
  report: (done: number) => void,
): Promise<Point[]> {
  const subsets = seeds.map((seed) => labelSubsets(train.labels, parts, { seed }))
  const points: Point[] = []
  for (const [i, part] of parts.entries()) {
    const accuracies: number[] = []
    let images = 0
    // With all labels, the seed makes no difference.
    for (const [j, seed] of (part === 1 ? seeds.slice(0, 1) : seeds).entries()) {
      signal?.throwIfAborted()
      report((i + j / seeds.length) / parts.length)
      const { accuracy, count } = await linearProbe(rowsOf(train, subsets[j]![i]!), test, {
        l2: [1e-4, 1e-3, 1e-2, 1e-1],
        seed,
        signal,
      })
      accuracies.push(accuracy)
      images = count
    }
    points.push({ part, ...accuracyInterval(accuracies, images) })
  }
  return points
}

async function tunedCurve(
  subject: Subject,
  number: number,
  parts: readonly number[],
  context: ProtocolContext,
  report: (done: number) => void,
): Promise<Point[]> {
  const subsets = labelSubsets(subject.train.labels, parts, { seed: context.seed })
  const steps = subsets.map(({ length }) => stepsFor(length, context))
  const all = steps.reduce((sum, each) => sum + each, 0)
  const points: Point[] = []
  let before = 0
  for (const [i, part] of parts.entries()) {
    const start = subject.images!.starts[number]!
    const { accuracy, count } = await trainedFrom(
      start,
      `${start.name}, ${part}`,
      labelledImages(subject, subsets[i]!),
      context,
      { steps: steps[i]!, onStep: (step) => report((before + step) / all) },
    )
    before += steps[i]!
    points.push({ part, ...partInterval(accuracy, count) })
  }
  return points
}
