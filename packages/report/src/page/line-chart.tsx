import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import { aligned, type Line, nearestIndex } from './chart-data.js'
import { ChartTable } from './chart-table.js'
import { number } from './format.js'
import { chartOptions } from './plot-options.js'
import { lineColor, lineSwatch, REPAINT } from './theme.js'

export interface LineChartProps {
  readonly title: string
  /** a sentence under the title */
  readonly note?: string
  readonly xLabel: string
  readonly lines: readonly Line[]
  readonly logX?: boolean
  readonly format?: (y: number) => string
  readonly formatX?: (x: number) => string
  /** label the points directly, and do not join them */
  readonly scatter?: boolean
  /** the legend is elsewhere */
  readonly named?: boolean
}

interface Tip {
  readonly left: number
  readonly top: number
  readonly x: number
  readonly rows: readonly { readonly name: string; readonly color: number; readonly y: number }[]
}

const HEIGHT = 230
/** Width of a printed chart in CSS pixels: two fit next to each other. */
const PRINTED_WIDTH = 296

/** Line chart with a tooltip, zoom by dragging, arrow keys, and a table of values. */
export function LineChart(props: LineChartProps) {
  const { title, note, xLabel, logX = false, format = number, formatX = number, scatter = false } = props
  const { named: namedElsewhere = scatter } = props
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set())
  const [tip, setTip] = useState<Tip>()
  const [zoomed, setZoomed] = useState(false)
  const [spoken, setSpoken] = useState('')
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | undefined>(undefined)
  const usable = useMemo(() => drawable(props.lines, logX), [props.lines, logX])
  const lines = usable.filter(({ name }) => !hidden.has(name))
  const named = usable.filter(({ faint }) => !faint)
  const shape = JSON.stringify([
    lines.map(({ name, color, low, faint, dash, points }) => [name, color, !!low, faint, dash, points]),
    [title, xLabel, logX],
  ])
  const current = useRef(lines)
  current.current = lines

  const tipAt = (u: uPlot, left: number): Tip | undefined => {
    const x = u.posToVal(left, 'x')
    const reach = 0.04 * u.over.clientWidth
    const rows = current.current
      .filter(({ faint }) => !faint)
      .flatMap((line) => {
        const i = nearestIndex(line.x, x)
        if (i < 0 || Math.abs(u.valToPos(line.x[i]!, 'x') - left) > Math.max(14, reach)) return []
        return [{ name: line.name, color: line.color, x: line.x[i]!, y: line.y[i]! }]
      })
    if (rows.length === 0) return undefined
    const nearest = rows.reduce((a, b) => (Math.abs(b.x - x) < Math.abs(a.x - x) ? b : a))
    const top = Math.min(...rows.map(({ y }) => u.valToPos(y, 'y')))
    return { left: u.valToPos(nearest.x, 'x'), top: Math.max(0, top), x: nearest.x, rows: rows.slice(0, 10) }
  }

  useEffect(() => {
    const element = place.current!
    const u = new uPlot(
      chartOptions({
        width: widthOf(element),
        height: HEIGHT,
        lines: current.current,
        logX,
        scatter,
        format,
        formatX,
        onCursor: (u) => setTip((u.cursor.left ?? -1) < 0 ? undefined : tipAt(u, u.cursor.left!)),
        onZoom: setZoomed,
      }),
      dataOf(current.current),
      element,
    )
    plot.current = u
    setZoomed(false)
    const resize = () => u.setSize({ width: widthOf(element), height: HEIGHT })
    const repaint = () => {
      resize()
      u.redraw(false, true)
    }
    const observer = new ResizeObserver(() => {
      if (Math.abs(u.width - widthOf(element)) > 1) resize()
    })
    observer.observe(element)
    document.addEventListener(REPAINT, repaint)
    return () => {
      observer.disconnect()
      document.removeEventListener(REPAINT, repaint)
      u.destroy()
    }
  }, [shape, scatter])
  const first = useRef(true)
  useEffect(() => {
    if (first.current) first.current = false
    else plot.current?.setData(dataOf(lines), !zoomed)
  }, [props.lines])

  const showAll = () => plot.current?.setData(plot.current.data, true)
  const onKeyDown = (event: KeyboardEvent) => {
    const u = plot.current
    if (!u) return
    const { min = 0, max = 1 } = u.scales.x!
    const width = u.over.clientWidth
    const at = (u.cursor.left ?? -1) >= 0 ? u.cursor.left! : width / 2
    const move = (left: number) => {
      const within = Math.min(width - 1, Math.max(0, left))
      u.setCursor({ left: within, top: u.over.clientHeight / 2 })
      const there = tipAt(u, within)
      if (there)
        setSpoken(
          `${xLabel} ${formatX(there.x)}: ${there.rows.map(({ name, y }) => `${name} ${format(y)}`).join(', ')}`,
        )
    }
    const zoom = (factor: number) => {
      const middle = u.posToVal(at, 'x')
      const [low, high] = [u.posToVal(0, 'x'), u.posToVal(width, 'x')]
      if (logX) return
      u.setScale('x', { min: middle - (middle - low) * factor, max: middle + (high - middle) * factor })
    }
    const step = (event.shiftKey ? 0.1 : 0.02) * width
    const actions: Record<string, () => void> = {
      ArrowLeft: () => move(at - step),
      ArrowRight: () => move(at + step),
      Home: () => move(0),
      End: () => move(width),
      '+': () => zoom(0.5),
      '=': () => zoom(0.5),
      '-': () => zoom(2),
      '0': showAll,
      Escape: () => u.setCursor({ left: -10, top: -10 }),
    }
    const action = event.ctrlKey || event.metaKey || event.altKey ? undefined : actions[event.key]
    if (!action || min === max) return
    event.preventDefault()
    action()
  }

  const toggle = (name: string) => {
    const next = new Set(hidden)
    if (!next.delete(name)) next.add(name)
    if (next.size < named.length) setHidden(next)
  }

  return (
    <figure class="chart">
      <figcaption>
        <h3>{title}</h3>
        {note && <p class="note">{note}</p>}
      </figcaption>
      {named.length > 1 && !namedElsewhere && (
        <div class="legend">
          {named.map(({ name, color, dash }) => (
            <button
              type="button"
              key={name}
              aria-pressed={!hidden.has(name)}
              title={`Show or hide ${name}`}
              onClick={() => toggle(name)}
            >
              <i
                class={dash ? `dash-${((dash - 1) % 3) + 1}` : ''}
                style={{ '--swatch': lineSwatch(color) }}
              />
              {name}
            </button>
          ))}
        </div>
      )}
      <div
        class="plot"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: keys move the cursor along the curve
        tabIndex={0}
        role="application"
        aria-roledescription="chart"
        aria-label={`${title} over ${xLabel}. Use the arrow keys to read values, plus and minus to zoom, 0 to show all. A table follows.`}
        onKeyDown={onKeyDown}
        onBlur={() => plot.current?.setCursor({ left: -10, top: -10 })}
      >
        <div ref={place} />
        {tip && (
          <TipBox
            tip={tip}
            width={plot.current?.over.clientWidth ?? 0}
            offset={offsetOf(plot.current)}
            xLabel={xLabel}
            {...{ format, formatX }}
          />
        )}
        {zoomed && (
          <button type="button" class="reset" onClick={showAll}>
            Show all
          </button>
        )}
      </div>
      <p class="axis-label">{xLabel}</p>
      <span class="unseen" aria-live="polite">
        {spoken}
      </span>
      <ChartTable title={title} xLabel={xLabel} lines={named} format={format} formatX={formatX} />
    </figure>
  )
}

interface TipBoxProps {
  readonly tip: Tip
  readonly width: number
  readonly offset: { readonly left: number; readonly top: number }
  readonly xLabel: string
  readonly format: (y: number) => string
  readonly formatX: (x: number) => string
}

function TipBox({ tip, width, offset, xLabel, format, formatX }: TipBoxProps) {
  const right = tip.left > width / 2
  const style = right
    ? { right: `calc(100% - ${offset.left + tip.left - 12}px)`, top: `${offset.top + 4}px` }
    : { left: `${offset.left + tip.left + 12}px`, top: `${offset.top + 4}px` }
  return (
    <div class="tip" style={style} aria-hidden="true">
      <span class="tip-x">
        {xLabel} {formatX(tip.x)}
      </span>
      {tip.rows.map(({ name, color, y }) => (
        <span key={name} class="tip-row">
          <span class="tip-dot" style={{ background: lineColor(color) }} />
          <span class="tip-name">{name}</span>
          <b>{format(y)}</b>
        </span>
      ))}
    </div>
  )
}

function offsetOf(u: uPlot | undefined): { left: number; top: number } {
  return u ? { left: u.over.offsetLeft, top: u.over.offsetTop } : { left: 0, top: 0 }
}

function widthOf(element: HTMLElement): number {
  if ('printing' in document.documentElement.dataset) return PRINTED_WIDTH
  return Math.max(200, element.clientWidth)
}

/** Removes points that a logarithmic axis can't show. */
function drawable(lines: readonly Line[], logX: boolean): Line[] {
  if (!logX) return [...lines]
  return lines.map((line) => {
    const kept = [...line.x.keys()].filter((i) => line.x[i]! > 0)
    const of = <T,>(values: readonly T[]) => kept.map((i) => values[i]!)
    return {
      ...line,
      x: of(line.x),
      y: of(line.y),
      low: line.low && of(line.low),
      high: line.high && of(line.high),
    }
  })
}

function dataOf(lines: readonly Line[]): uPlot.AlignedData {
  const { x, columns } = aligned(lines)
  return [x, ...columns]
}
