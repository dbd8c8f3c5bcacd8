import { useState } from 'preact/hooks'
import { type Line, nearestIndex, someOf } from './chart-data.js'
import { Scroll } from './section.js'

interface ChartTableProps {
  readonly title: string
  readonly xLabel: string
  readonly lines: readonly Line[]
  readonly format: (y: number) => string
  readonly formatX: (x: number) => string
}

/** Maximum number of rows of a chart's table. */
const MOST_ROWS = 25

/** Table of a chart's values; rendered when it is opened. */
export function ChartTable({ title, xLabel, lines, format, formatX }: ChartTableProps) {
  const [open, setOpen] = useState(false)
  return (
    <details class="behind" onToggle={(event) => setOpen((event.currentTarget as HTMLDetailsElement).open)}>
      <summary>
        Table<span class="unseen"> of {title}</span>
      </summary>
      {open && <Rows {...{ title, xLabel, lines, format, formatX }} />}
    </details>
  )
}

function Rows({ title, xLabel, lines, format, formatX }: ChartTableProps) {
  const all = [...new Set(lines.flatMap(({ x }) => x))].sort((a, b) => a - b)
  const shown = someOf(all.length, MOST_ROWS).map((i) => all[i]!)
  const spacing = all.length > MOST_ROWS ? (all.at(-1)! - all[0]!) / MOST_ROWS / 2 : 0
  const valueAt = ({ x, y }: Line, at: number) => {
    const i = nearestIndex(x, at)
    return i >= 0 && Math.abs(x[i]! - at) <= spacing ? format(y[i]!) : ''
  }
  return (
    <Scroll label={`Table of ${title}`}>
      <table>
        <thead>
          <tr>
            <th scope="col">{xLabel}</th>
            {lines.map(({ name }) => (
              <th scope="col" key={name}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((at) => (
            <tr key={at}>
              <th scope="row">{formatX(at)}</th>
              {lines.map((line) => (
                <td key={line.name}>{valueAt(line, at)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  )
}
