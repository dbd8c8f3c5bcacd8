import { useMemo, useState } from 'preact/hooks'
import { type Line, smoothed } from './chart-data.js'
import type { DrawnRun } from './drawn-run.js'
import { number, short, words } from './format.js'
import { LineChart } from './line-chart.js'
import { Section } from './section.js'
import { lineSwatch } from './theme.js'

/** Titles of the quantities that the training loop logs; all others are logged by the method. */
const KNOWN: Readonly<Record<string, { title: string; note?: string; smooth: boolean }>> = {
  loss: { title: 'Loss', smooth: true },
  spread: {
    title: 'Spread of features',
    note: '1 means evenly spread over the sphere, 0 means collapsed to a single point.',
    smooth: false,
  },
  learningRate: { title: 'Learning rate', smooth: false },
  imagesPerSecond: { title: 'Images per second', smooth: false },
}
/** The mean loss of an epoch adds nothing to the loss curve. */
const LEFT_OUT = ['epochLoss']

/** Charts of the logged quantities. */
export function Curves({ runs }: { readonly runs: readonly DrawnRun[] }) {
  const [smooth, setSmooth] = useState(true)
  const names = useMemo(() => curveNames(runs), [runs])
  if (names.length === 0) return null
  return (
    <Section id="training" title="Training">
      <label class="option">
        <input
          type="checkbox"
          checked={smooth}
          onChange={(event) => setSmooth((event.currentTarget as HTMLInputElement).checked)}
        />
        Smooth noisy curves
      </label>
      {runs.length > 1 && (
        <ul class="legend" aria-label="Runs">
          {runs.map(({ run, color }) => (
            <li key={run.id}>
              <i style={{ '--swatch': lineSwatch(color) }} />
              {run.name}
            </li>
          ))}
        </ul>
      )}
      <div class="charts">
        {names.map((name) => (
          <Curve key={name} name={name} runs={runs} smooth={smooth} />
        ))}
      </div>
    </Section>
  )
}

function Curve({ name, runs, smooth }: { name: string; runs: readonly DrawnRun[]; smooth: boolean }) {
  const { title, note, smooth: noisy } = KNOWN[name] ?? { title: words(name), note: undefined, smooth: true }
  const lines = useMemo(() => linesOf(name, runs, smooth && noisy), [name, runs, smooth])
  return (
    <LineChart title={title} note={note} xLabel="step" lines={lines} format={number} formatX={short} named />
  )
}

function curveNames(runs: readonly DrawnRun[]): string[] {
  const names = new Set(runs.flatMap(({ run }) => (run.curves ?? []).map(({ name }) => name)))
  const others = [...names].filter((name) => !(name in KNOWN) && !LEFT_OUT.includes(name))
  return ['loss', 'spread', 'learningRate', ...others, 'imagesPerSecond'].filter((name) => names.has(name))
}

function linesOf(name: string, runs: readonly DrawnRun[], smooth: boolean): Line[] {
  return runs.flatMap(({ run, color }): Line[] => {
    const curve = run.curves?.find((curve) => curve.name === name)
    if (!curve || curve.x.length === 0) return []
    const main: Line = { ...curve, name: run.name, color }
    if (!smooth || curve.x.length < 20) return [main]
    const line: Line = { ...main, y: smoothed(curve.y) }
    return curve.low ? [line] : [{ ...main, name: `${run.name}, unsmoothed`, faint: true }, line]
  })
}
