// A line chart as SVG, for RESULTS.md; readable on light and dark pages.
const colours = ['#4477aa', '#ee6677', '#228833', '#aa7700', '#66ccee', '#aa3377', '#888888']
const [width, height] = [640, 360]
const frame = { left: 60, right: 150, top: 40, bottom: 50 }

/** @param {string | number} text */
const escaped = (text) => `${text}`.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')

/**
 * Round numbers that enclose the range.
 * @param {number} lowest
 * @param {number} highest
 */
function ticks(lowest, highest, wanted = 5) {
  const rough = (highest - lowest || 1) / wanted
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough) ?? 10 * power
  const first = Math.floor(lowest / step)
  const count = Math.ceil(highest / step) - first + 1
  return Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(12)))
}

/**
 * @param {object} chart
 * @param {string} chart.title heading
 * @param {{ label: string, logarithmic?: boolean }} chart.x on a logarithmic axis the ticks are at the points
 * @param {{ label: string }} chart.y
 * @param {readonly { name: string, points: readonly (readonly [x: number, y: number])[] }[]} chart.series at most seven
 */
export function lineChart({ title, x, y, series }) {
  const places = series.flatMap(({ points }) => points.map(([at]) => at))
  const values = series.flatMap(({ points }) => points.map(([, value]) => value))
  /** @param {number} value */
  const scale = (value) => (x.logarithmic ? Math.log2(value) : value)
  const [low, high] = [scale(Math.min(...places)), scale(Math.max(...places))]
  const yTicks = ticks(Math.min(...values), Math.max(...values))
  const [bottom, top] = [Math.min(...yTicks), Math.max(...yTicks)]
  /** @param {number} value */
  const across = (value) =>
    frame.left + ((scale(value) - low) / (high - low || 1)) * (width - frame.left - frame.right)
  /** @param {number} value */
  const up = (value) =>
    height - frame.bottom - ((value - bottom) / (top - bottom)) * (height - frame.top - frame.bottom)
  /** @type {(at: number, down: number, content: string | number, more?: string) => string} */
  const text = (at, down, content, more = '') =>
    `<text x="${at.toFixed(1)}" y="${down.toFixed(1)}" ${more}>${escaped(content)}</text>`
  const xTicks = x.logarithmic ? [...new Set(places)].sort((a, b) => a - b) : ticks(low, high)
  const parts = [
    text(frame.left, 22, title, 'font-size="15"'),
    ...yTicks.flatMap((value) => [
      `<line x1="${frame.left}" x2="${width - frame.right}" y1="${up(value).toFixed(1)}" y2="${up(value).toFixed(1)}" stroke="#888" stroke-opacity="0.3"/>`,
      text(frame.left - 8, up(value) + 4, value, 'text-anchor="end"'),
    ]),
    ...xTicks
      .filter((value) => scale(value) >= low && scale(value) <= high)
      .map((value) => text(across(value), height - frame.bottom + 18, value, 'text-anchor="middle"')),
    text((frame.left + width - frame.right) / 2, height - 10, x.label, 'text-anchor="middle" class="axis"'),
    text(
      0,
      0,
      y.label,
      `text-anchor="middle" transform="translate(16 ${(height - frame.bottom + frame.top) / 2}) rotate(-90)"`,
    ),
    ...series.flatMap(({ name, points }, i) => {
      const colour = colours[i % colours.length]
      const path = points.map(([at, value]) => `${across(at).toFixed(1)},${up(value).toFixed(1)}`).join(' ')
      const line = frame.top + 12 + 18 * i
      return [
        `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`,
        ...points.map(
          ([at, value]) =>
            `<circle cx="${across(at).toFixed(1)}" cy="${up(value).toFixed(1)}" r="3" fill="${colour}"/>`,
        ),
        `<rect x="${width - frame.right + 14}" y="${line - 8}" width="12" height="4" fill="${colour}"/>`,
        text(width - frame.right + 32, line - 2, name),
      ]
    }),
  ]
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(title)}">
<style>text { font: 12px sans-serif; fill: #777 }</style>
${parts.join('\n')}
</svg>
`
}
