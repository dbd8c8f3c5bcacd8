import { useState } from 'preact/hooks'
import type { Line } from './chart-data.js'
import type { DrawnRun } from './drawn-run.js'
import { dataLabel, needsLabels, onTraining, resultOf } from './evaluated-data.js'
import { figure, number, short } from './format.js'
import { LineChart } from './line-chart.js'
import { headlineOf, protocolsOf } from './run-table.js'
import { Section } from './section.js'

/** Evaluation metric against model size and training time of all runs (figure 1 of Chen et al. 2020, arXiv:2002.05709). */
export function CostCharts({ runs }: { readonly runs: readonly DrawnRun[] }) {
  // Results on training images say nothing about quality.
  const protocols = protocolsOf(runs.map(({ run }) => run)).filter((record) => onTraining(record) === 0)
  const labels = needsLabels(protocols)
  const [chosen, choose] = useState<string>()
  const record = protocols.find((each) => resultOf(each) === chosen) ?? protocols[0]
  if (!record) return null
  const { metric, unit: unitOfMetric } = record.values[0]!
  const against = (cost: (run: DrawnRun['run']) => number | undefined): Line[] =>
    runs.flatMap(({ run, color }) => {
      const [x, y] = [cost(run), headlineOf(run, record)]
      if (x === undefined || !y) return []
      const [low, high] = y.interval ?? []
      const ends = y.interval && { low: [low], high: [high] }
      return [{ name: run.name, color, x: [x], y: [y.value], points: true, ...ends }]
    })
  const size = against(({ parameters }) => parameters)
  const longest = Math.max(0, ...runs.map(({ run }) => run.seconds ?? 0))
  const [unit, unitSeconds] =
    longest > 7200 ? ['hours', 3600] : longest > 120 ? ['minutes', 60] : ['seconds', 1]
  const time = against(({ seconds }) => seconds && seconds / Number(unitSeconds))
  if (size.length + time.length === 0) return null
  const format = (y: number) => figure(y, unitOfMetric)
  return (
    <Section id="cost" title="Quality and cost">
      <label class="option">
        Protocol{' '}
        <select
          value={resultOf(record)}
          onChange={(event) => choose((event.currentTarget as HTMLSelectElement).value)}
        >
          {protocols.map((each) => (
            <option key={resultOf(each)} value={resultOf(each)}>
              {each.title}
              {labels && `, ${dataLabel(each)}`}
            </option>
          ))}
        </select>
      </label>
      <div class="charts">
        {size.length > 0 && (
          <LineChart
            title={`${record.title} against parameters`}
            xLabel={`parameters of the backbone (${metric} upwards)`}
            lines={size}
            format={format}
            formatX={short}
            scatter
          />
        )}
        {time.length > 0 && (
          <LineChart
            title={`${record.title} against training time`}
            xLabel={`${unit} of training (${metric} upwards)`}
            lines={time}
            format={format}
            formatX={number}
            scatter
          />
        )}
      </div>
    </Section>
  )
}
