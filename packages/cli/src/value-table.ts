import type { EvaluationRecord, EvaluationValue } from '@selfsup/run-folder'
import { percent, table } from './table.js'

/** A figure as a person reads it. */
export function shown(value: number, unit: EvaluationValue['unit']): string {
  if (unit === 'part') return percent(value)
  if (unit === 'seconds') return `${value.toFixed(value < 10 ? 2 : 0)} s`
  if (unit === 'steps' || unit === 'count') return String(Math.round(value))
  return value.toFixed(4)
}

/** `40.1 .. 44.9 %` */
export function shownInterval(interval: readonly [number, number], unit: EvaluationValue['unit']): string {
  const [low, high] = interval.map((end) => shown(end, unit))
  return unit === 'part' ? `${low!.replace(' %', '')} .. ${high}` : `${low} .. ${high}`
}

/** All figures of all records, one a line. */
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

/** One line of the table of kNN and linear probe; parts of 1. */
export interface Judgement {
  readonly features: string
  readonly knn?: number
  readonly linear?: number
  readonly linearTop5?: number
}

/** kNN and linear probe, a line for each kind of features. */
export function resultTable(rows: readonly Judgement[]): string {
  const { knn, linear } = rows[0]!
  const columns: [string, (row: Judgement) => string][] = [['features', (row) => row.features]]
  if (knn !== undefined) columns.push(['kNN', (row) => percent(row.knn!)])
  if (linear !== undefined) columns.push(['linear probe', (row) => percent(row.linear!)])
  return table(
    columns.map(([title]) => title),
    rows.map((row) => columns.map(([, cell]) => cell(row))),
  )
}
