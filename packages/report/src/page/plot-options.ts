import uPlot from 'uplot'
import { hasBand, type Line } from './chart-data.js'
import { cssColor, lineColor, translucent } from './theme.js'

export interface PlotOptions {
  readonly width: number
  readonly height: number
  readonly lines: readonly Line[]
  readonly logX: boolean
  readonly scatter: boolean
  readonly format: (y: number) => string
  readonly formatX: (x: number) => string
  readonly onCursor: (u: uPlot) => void
  readonly onZoom: (zoomed: boolean) => void
}

const DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3]]
const FONT = '12px system-ui, sans-serif'

/** uPlot options for lines in the colours of the page. */
export function chartOptions(options: PlotOptions): uPlot.Options {
  const { width, height, lines, logX, scatter, format, formatX, onCursor, onZoom } = options
  const series: uPlot.Series[] = [{}]
  const bands: uPlot.Band[] = []
  for (const line of lines) {
    const color = () => lineColor(line.color)
    series.push({
      label: line.name,
      stroke: scatter ? 'transparent' : color,
      width: line.faint ? 1 : 2,
      alpha: line.faint ? 0.3 : 1,
      dash: line.dash ? DASHES[line.dash % DASHES.length] : undefined,
      spanGaps: true,
      points: {
        show: line.points || line.x.length === 1,
        size: scatter ? 11 : 7,
        stroke: color,
        fill: color,
      },
    })
    if (!hasBand(line)) continue
    const hidden: uPlot.Series = { stroke: 'transparent', width: 0, spanGaps: true, points: { show: false } }
    series.push(hidden, hidden)
    const high = series.length - 2
    bands.push({ series: [high, high + 1], fill: () => translucent(color(), 0.18) })
  }
  const axis: uPlot.Axis = {
    font: FONT,
    stroke: () => cssColor('--muted'),
    grid: { stroke: () => cssColor('--rule'), width: 1 },
    ticks: { show: false },
    border: { show: false },
  }
  return {
    width,
    height,
    series,
    bands,
    padding: [12, scatter || logX ? 24 : 14, 0, 0],
    legend: { show: false },
    scales: {
      x: { time: false, distr: logX ? 3 : 1, ...(scatter && !logX && { range: roomAround }) },
      y: { range: (_, low, high) => uPlot.rangeNum(low ?? 0, high ?? 1, 0.08, false) },
    },
    axes: [
      { ...axis, size: 28, space: 56, values: (_, at) => at.map((x) => (x === null ? '' : formatX(x))) },
      { ...axis, size: sizeOfLabels, values: (_, at) => at.map((y) => (y === null ? '' : format(y))) },
    ],
    cursor: { drag: { x: true, y: false, dist: 8 }, points: { show: !scatter, size: 7 }, y: false },
    hooks: {
      setCursor: [onCursor],
      setScale: [(u, key) => key === 'x' && onZoom(isZoomed(u))],
      draw: [(u) => drawPoints(u, lines, scatter)],
    },
  }
}

function roomAround(_: uPlot, low: number, high: number): [number, number] {
  const room = 0.08 * (high - low || Math.abs(high) || 1)
  return [Math.max(0, low - room), high + room]
}

function sizeOfLabels(u: uPlot, values: string[] | null): number {
  const longest = (values ?? []).reduce((most, text) => (text.length > most.length ? text : most), '')
  u.ctx.save()
  u.ctx.font = FONT
  const { width } = u.ctx.measureText(longest)
  u.ctx.restore()
  return Math.ceil(width) + 14
}

function isZoomed(u: uPlot): boolean {
  const x = u.data[0]
  const { min, max } = u.scales.x!
  if (x.length < 2 || min == null || max == null) return false
  const slack = 1e-6 * (x.at(-1)! - x[0]!)
  return min > x[0]! + slack || max < x.at(-1)! - slack
}

/** Draws error bars of points with an interval, and names next to the points of a scatter plot. */
function drawPoints(u: uPlot, lines: readonly Line[], scatter: boolean): void {
  const { ctx } = u
  const ratio = uPlot.pxRatio
  ctx.save()
  ctx.lineWidth = 1.5 * ratio
  ctx.font = `${12 * ratio}px system-ui, sans-serif`
  ctx.textBaseline = 'middle'
  ctx.textAlign = 'left'
  const labels: { left: number; right: number; y: number }[] = []
  for (const line of lines) {
    if (!line.points) continue
    ctx.strokeStyle = lineColor(line.color)
    for (const [i, value] of line.x.entries()) {
      const x = u.valToPos(value, 'x', true)
      const [low, high] = [line.low?.[i], line.high?.[i]]
      if (low !== undefined && high !== undefined) {
        ctx.beginPath()
        const [top, bottom] = [u.valToPos(high, 'y', true), u.valToPos(low, 'y', true)]
        for (const y of [top, bottom]) {
          ctx.moveTo(x - 3 * ratio, y)
          ctx.lineTo(x + 3 * ratio, y)
        }
        ctx.moveTo(x, top)
        ctx.lineTo(x, bottom)
        ctx.stroke()
      }
      if (!scatter) continue
      let y = u.valToPos(line.y[i]!, 'y', true)
      const { width } = ctx.measureText(line.name)
      const rightOfPoint = x + 9 * ratio
      const fits = rightOfPoint + width < u.bbox.left + u.bbox.width + 20 * ratio
      const left = fits ? rightOfPoint : x - 9 * ratio - width
      const right = left + width
      // A name that would overlap another one moves down.
      while (
        labels.some((other) => Math.abs(other.y - y) < 13 * ratio && other.left < right && left < other.right)
      )
        y += 13 * ratio
      labels.push({ left, right, y })
      ctx.fillStyle = cssColor('--text')
      ctx.fillText(line.name, left, y)
    }
  }
  ctx.restore()
}
