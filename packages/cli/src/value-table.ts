import type { EvaluationRecord, EvaluationValue } from '@selfsup/run-folder'
import { percent, table } from './table.js'

/** Formats a value with its unit. */
export function shown(value: number, unit: EvaluationValue['unit']): string {
  if (unit === 'part') return percent(value)
  if (unit === 'seconds') return `${value.toFixed(value < 10 ? 2 : 0)} s`
  if (unit === 'steps' || unit === 'count') return String(Math.round(value))
  return value.toFixed(4)
}

/** Formats an interval: `40.1 .. 44.9 %`. */
export function shownInterval(interval: readonly [number, number], unit: EvaluationValue['unit']): string {
  const [low, high] = interval.map((end) => shown(end, unit))
  return unit === 'part' ? `${low!.replace(' %', '')} .. ${high}` : `${low} .. ${high}`
}

/** All values of all records, one per line. */
export function valueTable(records: readonly EvaluationRecord[]): string {
  const rows = records.flatMap(({ protocol, values }) =>
    values.map(({ metric, features, value, unit, interval }, i) => [
      i === 0 ? protocol : '',
      metric,
      features,
      shown(value, unit),
      interval ? shownInterval(interval, unit) : '',
    ]),
  )
  return table(['protocol', 'metric', 'features', 'value', '95 % interval'], rows)
}
