import type { EvaluationChart, EvaluationRecord, EvaluationValue } from '@selfsup/run-folder'
import { useMemo } from 'preact/hooks'
import type { Line } from './chart-data.js'
import type { DrawnRun } from './drawn-run.js'
import { dataLabel, needsLabels, resultOf } from './evaluated-data.js'
import { duration, figure, interval, number, percent } from './format.js'
import { LineChart } from './line-chart.js'
import { protocolsOf } from './run-table.js'
import { Scroll, Section } from './section.js'

/** Results of each protocol: values of all runs, and charts. */
export function Findings({ runs }: { readonly runs: readonly DrawnRun[] }) {
  const protocols = protocolsOf(runs.map(({ run }) => run))
  if (protocols.length === 0) return null
  const labels = needsLabels(protocols)
  return (
    <Section id="findings" title="Protocols">
      <div class="protocols">
        {protocols.map((record) => (
          <Protocol
            key={resultOf(record)}
            record={record}
            runs={runs}
            about={labels ? dataLabel(record) : undefined}
          />
        ))}
      </div>
    </Section>
  )
}

function Protocol({
  record,
  runs,
  about,
}: {
  readonly record: EvaluationRecord
  readonly runs: readonly DrawnRun[]
  readonly about?: string
}) {
  const found = runs.flatMap(({ run, color }) =>
    run.evaluations
      .filter((other) => resultOf(other) === resultOf(record))
      .map((record) => ({ name: run.name, color, record })),
  )
  const titles = [...new Set(found.flatMap(({ record }) => (record.charts ?? []).map(({ title }) => title)))]
  return (
    <article class="protocol">
      <h3>{record.title}</h3>
      {about && <p class="note">{about}</p>}
      <div class="charts">
        {titles.map((title) => (
          <Chart key={title} title={title} found={found} />
        ))}
      </div>
      <Values found={found} />
    </article>
  )
}

interface Found {
  readonly name: string
  readonly color: number
  readonly record: EvaluationRecord
}

function Chart({ title, found }: { readonly title: string; readonly found: readonly Found[] }) {
  const charts = found.flatMap(({ name, color, record }) =>
    (record.charts ?? []).filter((chart) => chart.title === title).map((chart) => ({ name, color, chart })),
  )
  const several = charts.length > 1
  const stamp = JSON.stringify(charts)
  const lines = useMemo(
    () => charts.flatMap(({ name, color, chart }) => linesOf(chart, several ? { name, color } : undefined)),
    [stamp],
  )
  const { x, y } = charts[0]!.chart
  const parts = /part|label|fraction|share/i.test(x.label) && lines.every(({ x }) => x.every((at) => at <= 1))
  return (
    <LineChart
      title={title}
      note={y.label}
      xLabel={x.label}
      lines={lines}
      logX={x.logarithmic}
      format={y.part ? percent : number}
      formatX={parts ? shares : number}
    />
  )
}

/** Formats a fraction for an axis: 0.01 as `1 %`. */
function shares(part: number): string {
  return `${Number((100 * part).toPrecision(3))}\u202f%`
}

function linesOf({ series }: EvaluationChart, run: { name: string; color: number } | undefined): Line[] {
  return series.map(({ name, points }, i) => {
    const whiskers = points.some((point) => point.length === 4)
    return {
      name: run ? `${run.name}: ${name}` : name,
      color: run ? run.color : i,
      dash: run ? i : 0,
      x: points.map(([x]) => x),
      y: points.map(([, y]) => y),
      points: points.length <= 30,
      ...(whiskers && { low: points.map((point) => point[2]), high: points.map((point) => point[3]) }),
    }
  })
}

/** Larger tables are collapsed. */
const MOST_ROWS = 12

/** Table with one row per metric and features, one column per run. */
function Values({ found }: { readonly found: readonly Found[] }) {
  const rows = new Map<string, { features: string; metric: string }>()
  for (const { record } of found)
    for (const value of record.values)
      rows.set(keyOf(record, value), { features: whose(record, value), metric: value.metric })
  const table = (
    <Scroll label="Table of results">
      <table>
        <thead>
          <tr>
            <th scope="col">features</th>
            <th scope="col">metric</th>
            {found.map(({ name }) => (
              <th scope="col" class="figure" key={name}>
                {found.length > 1 ? name : 'value'}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {[...rows].map(([key, { features, metric }]) => (
            <tr key={key}>
              <th scope="row">{features}</th>
              <td>{metric}</td>
              {found.map(({ name, record }) => (
                <ValueCell key={name} value={record.values.find((value) => keyOf(record, value) === key)} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  )
  return (
    <>
      {rows.size <= MOST_ROWS ? (
        table
      ) : (
        <details class="behind">
          <summary>{rows.size} values</summary>
          {table}
        </details>
      )}
      <details class="behind">
        <summary>Measurement details</summary>
        {abouts(found).map((about) => (
          <p key={about}>{about}</p>
        ))}
      </details>
    </>
  )
}

/** Name of the features; each run's own features share one row. */
function whose({ subject, values }: EvaluationRecord, { features }: EvaluationValue): string {
  return features === (subject ?? values[0]!.features) ? 'learned' : features
}

function keyOf(record: EvaluationRecord, value: EvaluationValue): string {
  return `${whose(record, value)} ${value.metric}`
}

function ValueCell({ value }: { readonly value: EvaluationValue | undefined }) {
  if (!value) return <td />
  const range = interval(value)
  return (
    <td class="figure">
      {figure(value.value, value.unit)}
      {range && <span class="range">{range}</span>}
    </td>
  )
}

/** Measurement details; a single text if they are the same for all runs. */
function abouts(found: readonly Found[]): string[] {
  const texts = found.map(({ record }) => aboutOf(record))
  if (new Set(texts).size <= 1) return texts.slice(0, 1)
  return found.map(({ name }, i) => `${name}: ${texts[i]}`)
}

function aboutOf({ step, images, seconds, options }: EvaluationRecord): string {
  const { train, test } = images
  const settings = Object.entries(options).flatMap(([name, value]) =>
    value === '' ? [] : [`${name} ${value}`],
  )
  const parts = [
    step > 0 ? `at step ${number(step)}` : '',
    `${number(train.count)} training images, ${number(test.count)} test images`,
    `took ${duration(seconds)}`,
    ...settings,
  ]
  return parts.filter(Boolean).join(', ')
}
