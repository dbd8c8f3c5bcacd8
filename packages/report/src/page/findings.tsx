import type { EvaluationChart, EvaluationRecord } from '@selfsup/core'
import { useMemo } from 'preact/hooks'
import type { DrawnRun } from './app.js'
import type { Line } from './chart-data.js'
import { duration, figure, interval, number, percent } from './format.js'
import { LineChart } from './line-chart.js'
import { protocolsOf } from './run-table.js'
import { Section } from './section.js'

/** What each protocol found: figures of all runs, and its charts. */
export function Findings({ runs }: { readonly runs: readonly DrawnRun[] }) {
  const protocols = protocolsOf(runs.map(({ run }) => run))
  if (protocols.length === 0) return null
  return (
    <Section id="findings" title="Protocols">
      {protocols.map((record) => (
        <Protocol key={record.protocol} record={record} runs={runs} />
      ))}
    </Section>
  )
}

function Protocol({ record, runs }: { readonly record: EvaluationRecord; readonly runs: readonly DrawnRun[] }) {
  const found = runs.flatMap(({ run, color }) =>
    run.evaluations
      .filter(({ protocol }) => protocol === record.protocol)
      .map((record) => ({ name: run.name, color, record })),
  )
  const titles = [...new Set(found.flatMap(({ record }) => (record.charts ?? []).map(({ title }) => title)))]
  return (
    <article class="protocol">
      <h3>{record.title}</h3>
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

/** Parts of 1 on an axis: 0.01 as `1 %`. */
function shares(part: number): string {
  return `${Number((100 * part).toPrecision(3))}\u202f%`
}

function linesOf({ series }: EvaluationChart, run: { name: string; color: number } | undefined): Line[] {
  return series.map(({ name, points }, i) => {
    const whiskers = points.some((point) => point.length === 4)
    return {
      name: run ? `${run.name}: ${name}` : name,
      color: run ? run.color + i * 3 : i,
      dashed: run !== undefined && i > 0,
      x: points.map(([x]) => x),
      y: points.map(([, y]) => y),
      points: points.length <= 30,
      ...(whiskers && { low: points.map((point) => point[2]), high: points.map((point) => point[3]) }),
    }
  })
}

/** Rows of one protocol; a protocol that finds more shows them when asked. */
const MOST_ROWS = 12

function Values({ found }: { readonly found: readonly Found[] }) {
  const several = found.length > 1
  const rows = found.flatMap(({ name, record }) => record.values.map((value) => ({ name, value, record })))
  const table = (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled area must be reached by keys
    <div class="scroll" tabIndex={0} role="group" aria-label="Table of figures">
      <table>
        <thead>
          <tr>
            {several && <th scope="col">run</th>}
            <th scope="col">features</th>
            <th scope="col">metric</th>
            <th scope="col" class="figure">
              value
            </th>
            <th scope="col" class="figure">
              interval
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ name, value }) => (
            <tr key={`${name} ${value.features} ${value.metric}`}>
              {several && <th scope="row">{name}</th>}
              <td>{value.features}</td>
              <td>{value.metric}</td>
              <td class="figure">{figure(value.value, value.unit)}</td>
              <td class="figure">{interval(value) ?? ''}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {found.map(({ name, record }) => (
        <p class="note" key={name}>
          {several && `${name}: `}
          {aboutOf(record)}
        </p>
      ))}
    </div>
  )
  if (rows.length <= MOST_ROWS) return table
  return (
    <details class="behind">
      <summary>{rows.length} figures</summary>
      {table}
    </details>
  )
}

function aboutOf({ step, images, seconds, options }: EvaluationRecord): string {
  const { train, test } = images
  const settings = Object.entries(options).map(([name, value]) => `${name} ${value}`)
  const parts = [
    step > 0 ? `at step ${number(step)}` : '',
    `${number(train.count)} images to learn from, ${number(test.count)} to test on`,
    `took ${duration(seconds)}`,
    ...settings,
  ]
  return parts.filter(Boolean).join(', ')
}
