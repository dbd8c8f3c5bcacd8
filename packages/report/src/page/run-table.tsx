import type { EvaluationRecord, EvaluationValue } from '@selfsup/run-folder'
import type { RunView } from '../page-data.js'
import { dataLabel, needsLabels, onTraining, ordered, resultOf } from './evaluated-data.js'
import { duration, figure, number, short } from './format.js'
import { Scroll, Section } from './section.js'
import { lineSwatch } from './theme.js'

interface RunTableProps {
  readonly runs: readonly RunView[]
  readonly shown: ReadonlySet<string>
  readonly toggle: (id: string) => void
  readonly colors: ReadonlyMap<string, number>
  readonly focus?: string
  readonly setFocus: (id: string) => void
}

/** Table of all runs: configuration, progress, results, and which runs are drawn. */
export function RunTable({ runs, shown, toggle, colors, focus, setFocus }: RunTableProps) {
  const columns = protocolsOf(runs)
  const labels = needsLabels(columns)
  const best = new Map(columns.map((column) => [resultOf(column), bestOf(runs, column)]))
  return (
    <Section
      id="runs"
      title="Runs"
      note="Check runs to draw their curves; select a run's name to show its images and map."
    >
      <Scroll label="Table of runs">
        <table class="runs">
          <thead>
            <tr>
              <th scope="col">run</th>
              <th scope="col">state</th>
              {columns.map((column) => (
                <th scope="col" key={resultOf(column)} class="figure">
                  {column.title}
                  {labels && <span class="range">{dataLabel(column)}</span>}
                </th>
              ))}
              <th scope="col">method</th>
              <th scope="col">backbone</th>
              <th scope="col" class="figure">
                parameters
              </th>
              <th scope="col" class="figure">
                steps
              </th>
              <th scope="col" class="figure">
                time
              </th>
              <th scope="col" class="figure">
                loss
              </th>
              <th scope="col" class="figure">
                spread
              </th>
            </tr>
          </thead>
          <tbody>
            {runs.map((run) => (
              <tr key={run.id} class={run.id === focus ? 'focused' : ''}>
                <th scope="row">
                  <label class="tick">
                    <input type="checkbox" checked={shown.has(run.id)} onChange={() => toggle(run.id)} />
                    <i
                      style={{
                        '--swatch': shown.has(run.id) ? lineSwatch(colors.get(run.id) ?? 0) : 'transparent',
                      }}
                    />
                    <span class="unseen">Draw {run.name}</span>
                  </label>
                  <button
                    type="button"
                    class="name"
                    aria-pressed={run.id === focus}
                    onClick={() => setFocus(run.id)}
                  >
                    {run.name}
                  </button>
                </th>
                <td>
                  <span class={`state ${run.state}`}>{run.state}</span>
                  {run.problems.length > 0 && run.state !== 'unreadable' && (
                    <span class="flag">, with problems</span>
                  )}
                </td>
                {columns.map((column) => {
                  const value = headlineOf(run, column)
                  const first = run.id === best.get(resultOf(column)) && runs.length > 1
                  return (
                    <td key={resultOf(column)} class={first ? 'figure best' : 'figure'}>
                      {value ? figure(value.value, value.unit) : ''}
                      {first && <span class="unseen"> (best)</span>}
                    </td>
                  )
                })}
                <td>{run.method ?? ''}</td>
                <td>{run.backbone ?? ''}</td>
                <td class="figure">{run.parameters === undefined ? '' : short(run.parameters)}</td>
                <td class="figure">{steps(run)}</td>
                <td class="figure">{run.seconds === undefined ? '' : duration(run.seconds)}</td>
                <td class="figure">{run.latest.loss === undefined ? '' : number(run.latest.loss)}</td>
                <td class="figure">{run.latest.spread?.toFixed(2) ?? ''}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Section>
  )
}

/** The protocols of all runs on all data, without repetition. */
export function protocolsOf(runs: readonly RunView[]): EvaluationRecord[] {
  const first = new Map<string, EvaluationRecord>()
  for (const record of runs.flatMap(({ evaluations }) => evaluations))
    if (!first.has(resultOf(record))) first.set(resultOf(record), record)
  return ordered([...first.values()])
}

/** The first value of a run's record of the same protocol on the same data. */
export function headlineOf({ evaluations }: RunView, like: EvaluationRecord): EvaluationValue | undefined {
  return evaluations.find((record) => resultOf(record) === resultOf(like))?.values[0]
}

/** The run with the best result; undefined for results on training images, which are not compared. */
export function bestOf(runs: readonly RunView[], protocol: EvaluationRecord): string | undefined {
  if (onTraining(protocol) > 0) return undefined
  let [best, id] = [Number.NEGATIVE_INFINITY, undefined as string | undefined]
  for (const run of runs) {
    const found = headlineOf(run, protocol)
    if (!found) continue
    const good = found.higherIsBetter === false ? -found.value : found.value
    if (good > best) [best, id] = [good, run.id]
  }
  return id
}

function steps({ step, totalSteps }: RunView): string {
  return totalSteps === undefined || step >= totalSteps
    ? short(step)
    : `${short(step)} of ${short(totalSteps)}`
}
