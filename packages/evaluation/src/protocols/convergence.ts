import type { EvaluationChart, EvaluationValue } from '@selfsup/run-folder'
import type { CurvePoint } from '../fine-tune.js'
import type { Protocol } from '../protocol.js'
import { majorityValue } from './classification.js'
import { requiresImages } from './requirements.js'
import { BATCH, labelledImages, trainedFrom } from './training.js'

/** Fractions of the random start's best accuracy for which steps and seconds are counted. */
const goals = [0.8, 0.9, 1] as const

/** Measures how fast the classes are learned from each start, with the same learning rates, so that only the weights differ. */
export const convergenceProtocol: Protocol = {
  name: 'convergence',
  title: 'Speed of convergence',
  summary: 'accuracy per step from pretrained and random weights; steps and seconds to given accuracies',
  trains: true,
  missing: requiresImages,
  async find(subject, context) {
    const steps = Math.min(context.maxSteps ?? 600, context.quick ? 30 : 600)
    // More points at the beginning, where the curves differ most.
    const curve = [
      0,
      ...Array.from({ length: 15 }, (_, i) => Math.max(1, Math.round(steps * ((i + 1) / 15) ** 1.7))),
    ]
    const { starts } = subject.images!
    const curves = new Map<string, readonly CurvePoint[]>()
    for (const [i, start] of starts.entries()) {
      const what = `from ${start.name} weights`
      const result = await trainedFrom(start, what, labelledImages(subject), context, {
        steps,
        curve,
        layerDecay: 1,
        onStep: (step) => context.onProgress?.((i + step / steps) / starts.length, what),
      })
      curves.set(what, result.curve)
    }
    return {
      options: { steps, batch: BATCH, learningRate: 1e-3 },
      values: [...valuesOf(curves), majorityValue(subject, 'best accuracy')],
      charts: [chart(curves, 'step', 'steps'), chart(curves, 'seconds', 'seconds of training')],
    }
  },
}

function valuesOf(curves: ReadonlyMap<string, readonly CurvePoint[]>): EvaluationValue[] {
  const best = (points: readonly CurvePoint[]) => Math.max(...points.map(({ accuracy }) => accuracy))
  const reached = best(curves.get('from random weights') ?? [...curves.values()][0]!)
  const values: EvaluationValue[] = []
  for (const goal of goals)
    for (const [features, points] of curves) {
      const metric = `${(100 * goal * reached).toFixed(1)} % accuracy`
      // A start that never reaches the goal has no value.
      const first = points.find(({ accuracy }) => accuracy >= goal * reached)
      if (!first) continue
      const described = { features, higherIsBetter: false }
      values.push(
        { metric: `steps to ${metric}`, ...described, value: first.step, unit: 'steps' },
        { metric: `seconds to ${metric}`, ...described, value: first.seconds, unit: 'seconds' },
      )
    }
  for (const [features, points] of curves)
    values.push({
      metric: 'best accuracy',
      features,
      value: best(points),
      unit: 'part',
      higherIsBetter: true,
    })
  return values
}

function chart(
  curves: ReadonlyMap<string, readonly CurvePoint[]>,
  x: 'step' | 'seconds',
  label: string,
): EvaluationChart {
  return {
    title: `Accuracy by ${label}`,
    x: { label },
    y: { label: 'accuracy on test images', part: true },
    series: [...curves].map(([name, points]) => ({
      name,
      points: points.map((point) => [point[x], point.accuracy] as const),
    })),
  }
}
