import {
  type EvaluationRecord,
  type EvaluationValue,
  evaluatedData,
  testedOnTraining,
} from '@selfsup/run-folder'

/** One metric of two runs. */
export interface Comparison {
  readonly protocol: string
  /** where the test images of both are */
  readonly test: string
  /** whether test images are training images too, so that the metric says little about other images */
  readonly onTraining: boolean
  readonly metric: string
  /** name of the features, if not the run's own: `from pretrained weights` */
  readonly features?: string
  readonly unit?: EvaluationValue['unit']
  readonly first: EvaluationValue
  readonly second: EvaluationValue
  /** second minus first */
  readonly difference: number
  /** 95 % interval of the difference; absent if a value has no interval */
  readonly interval?: readonly [number, number]
  /** undefined if undecided: the interval contains 0, the values are equal, or neither direction is better */
  readonly better?: 'first' | 'second'
}

export interface RunsComparison {
  readonly values: readonly Comparison[]
  /** protocols that were not compared: only one run has them, or the runs were evaluated on different images */
  readonly left: readonly { readonly protocol: string; readonly why: string }[]
}

/** Baselines, which say nothing about the run. */
const baselines = ['random weights', 'raw pixels', 'most frequent class', 'chance']

/**
 * Compares the records of two runs: every metric that both have on the same images. The interval of a difference treats the
 * two values as independent (half widths add in quadrature). Errors on the same test images are correlated, so that the
 * interval is rather too wide.
 * @param first, second the records of each run
 */
export function compareRecords(
  first: readonly EvaluationRecord[],
  second: readonly EvaluationRecord[],
): RunsComparison {
  const values: Comparison[] = []
  const left: { protocol: string; why: string }[] = []
  for (const protocol of new Set([...first, ...second].map((record) => record.protocol))) {
    const [ofFirst, ofSecond] = [first, second].map((records) =>
      records.filter((record) => record.protocol === protocol),
    ) as [EvaluationRecord[], EvaluationRecord[]]
    const pairs = ofFirst.flatMap((a) => {
      const b = ofSecond.find((record) => evaluatedData(record) === evaluatedData(a))
      return b ? [[a, b] as const] : []
    })
    if (ofFirst.length === 0 || ofSecond.length === 0)
      left.push({ protocol, why: `only the ${ofFirst.length > 0 ? 'first' : 'second'} run has it` })
    else if (pairs.length === 0) left.push({ protocol, why: 'the runs were evaluated on different images' })
    // Results on the training images come last.
    const sorted = pairs.sort(([a], [b]) => testedOnTraining(a) - testedOnTraining(b))
    values.push(...sorted.flatMap(([a, b]) => compared(a, b)))
  }
  return { values, left }
}

function compared(a: EvaluationRecord, b: EvaluationRecord): Comparison[] {
  const keyOf = (record: EvaluationRecord, { metric, features }: EvaluationValue) =>
    JSON.stringify([metric, features === record.subject ? '' : features])
  const others = new Map(b.values.map((value) => [keyOf(b, value), value]))
  return a.values.flatMap((first) => {
    const second = others.get(keyOf(a, first))
    if (!second || baselines.some((name) => first.features.endsWith(name))) return []
    const difference = second.value - first.value
    const interval = intervalOf(first, second)
    return {
      protocol: a.protocol,
      test: a.images.test.source,
      onTraining: testedOnTraining(a) > 0,
      metric: first.metric,
      ...(first.features !== a.subject && { features: first.features }),
      ...(first.unit && { unit: first.unit }),
      first,
      second,
      difference,
      ...(interval && { interval }),
      ...betterOf(difference, interval, first.higherIsBetter),
    }
  })
}

function intervalOf(first: EvaluationValue, second: EvaluationValue): readonly [number, number] | undefined {
  if (!first.interval || !second.interval) return undefined
  const difference = second.value - first.value
  const low = Math.hypot(second.value - second.interval[0], first.interval[1] - first.value)
  const high = Math.hypot(second.interval[1] - second.value, first.value - first.interval[0])
  return [difference - low, difference + high]
}

function betterOf(
  difference: number,
  interval: readonly [number, number] | undefined,
  higherIsBetter: boolean | undefined,
): Pick<Comparison, 'better'> {
  if (higherIsBetter === undefined || difference === 0) return {}
  if (interval && interval[0] <= 0 && interval[1] >= 0) return {}
  return { better: difference > 0 === higherIsBetter ? 'second' : 'first' }
}
