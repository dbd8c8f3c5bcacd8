import type { EvaluationRecord, EvaluationValue } from '@selfsup/run-folder'

/** One figure of two runs. */
export interface Comparison {
  readonly protocol: string
  readonly metric: string
  /** whose, where it is not the runs' features as they are: `from pretrained weights` */
  readonly features?: string
  readonly unit?: EvaluationValue['unit']
  readonly first: EvaluationValue
  readonly second: EvaluationValue
  /** second less first */
  readonly difference: number
  /** in which the difference lies, at 95 %; absent where a value has no interval */
  readonly interval?: readonly [number, number]
  /** undefined when it can't be told: the interval holds 0, they are equal, or neither direction is the better */
  readonly better?: 'first' | 'second'
}

export interface RunsComparison {
  readonly values: readonly Comparison[]
  /** protocols of both, whose figures are of different images and can't be compared, and those that only one has */
  readonly left: readonly { readonly protocol: string; readonly why: string }[]
}

/** What stands beside the runs and says nothing of them. */
const baselines = ['random weights', 'raw pixels']

/**
 * What two runs' records say of one another: every figure that both have, on the same images. The interval of a difference
 * is that of two independent values, half widths added as the roots of their squares; figures of the same test images are
 * alike in their errors, so that it is rather too wide.
 * @param first, second records by protocol
 */
export function compareRecords(
  first: ReadonlyMap<string, EvaluationRecord>,
  second: ReadonlyMap<string, EvaluationRecord>,
): RunsComparison {
  const values: Comparison[] = []
  const left: { protocol: string; why: string }[] = []
  for (const protocol of new Set([...first.keys(), ...second.keys()])) {
    const [a, b] = [first.get(protocol), second.get(protocol)]
    if (!a || !b) left.push({ protocol, why: `only the ${a ? 'first' : 'second'} run has it` })
    else if (!sameImages(a, b)) left.push({ protocol, why: 'the two were judged on different images' })
    else values.push(...compared(a, b))
  }
  return { values, left }
}

function sameImages(a: EvaluationRecord, b: EvaluationRecord): boolean {
  const same = (part: 'train' | 'test') =>
    a.images[part]?.fingerprint === b.images[part]?.fingerprint &&
    a.images[part]?.count === b.images[part]?.count
  return same('train') && same('test')
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
