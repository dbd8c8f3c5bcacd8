/** Colours of the page; `auto` follows the system. */
export type Theme = 'auto' | 'light' | 'dark'

/** Event that the document receives when the colours have changed and canvases must be redrawn. */
export const REPAINT = 'selfsup-repaint'

const colors = new Map<string, string>()

/** Value of a CSS colour variable, such as `--line-1`, for a canvas. */
export function cssColor(name: string): string {
  let value = colors.get(name)
  if (value === undefined) {
    // The variable itself contains `light-dark(...)`; only the computed style of an element has the resolved colour.
    const probe = document.body.appendChild(document.createElement('i'))
    probe.style.color = `var(${name})`
    value = getComputedStyle(probe).color
    probe.remove()
    colors.set(name, value)
  }
  return value
}

/** Adds an alpha: `rgb(1, 2, 3)` becomes `rgba(1, 2, 3, 0.2)`, `oklch(0.6 0.16 40)` becomes `oklch(0.6 0.16 40 / 0.2)`. */
export function translucent(color: string, alpha: number): string {
  return color
    .replace(/^rgb\((.*)\)$/, `rgba($1, ${alpha})`)
    .replace(/^oklch\((.*)\)$/, `oklch($1 / ${alpha})`)
}

/** Number of line colours in the style sheet. */
const LINE_COLORS = 8

/** Colour of a line: from the style sheet, or from the colour wheel for further lines. */
export function lineColor(index: number): string {
  return index < LINE_COLORS ? cssColor(`--line-${index + 1}`) : wheelColor(index)
}

/** Colour of a class: a line colour if there are few classes, otherwise from the colour wheel. */
export function classColor(index: number, count: number): string {
  if (index < 0) return cssColor('--faint')
  return count <= LINE_COLORS ? lineColor(index) : wheelColor(index)
}

/** Colour of a line as a CSS value that follows the theme. */
export function lineSwatch(index: number): string {
  return index < LINE_COLORS
    ? `var(--line-${index + 1})`
    : `light-dark(${wheelColor(index, false)}, ${wheelColor(index, true)})`
}

function wheelColor(index: number, dark = isDark()): string {
  // Consecutive numbers are far apart on the wheel, and every second one is lighter.
  const hue = (index * 360 * 0.381966) % 360
  const lightness = (dark ? 0.74 : 0.58) + (index % 2 === 0 ? -0.06 : 0.06)
  return `oklch(${lightness.toFixed(2)} 0.16 ${hue.toFixed(0)})`
}

function isDark(): boolean {
  const { theme } = document.documentElement.dataset
  return theme ? theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches
}

function repaint(): void {
  colors.clear()
  document.dispatchEvent(new Event(REPAINT))
}

/** Sets the theme of the document and redraws canvases. */
export function setTheme(theme: Theme): void {
  if (theme === 'auto') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
  repaint()
}

/** Redraws canvases when the system's theme changes, and switches to the light theme for printing. */
export function followSurroundings(): void {
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', repaint)
  let before: string | undefined
  let printing = false
  const start = () => {
    if (printing) return
    printing = true
    before = document.documentElement.dataset.theme
    document.documentElement.dataset.theme = 'light'
    document.documentElement.dataset.printing = ''
    repaint()
  }
  const end = () => {
    if (!printing) return
    printing = false
    delete document.documentElement.dataset.printing
    if (before === undefined) delete document.documentElement.dataset.theme
    else document.documentElement.dataset.theme = before
    repaint()
  }
  addEventListener('beforeprint', start)
  addEventListener('afterprint', end)
  matchMedia('print').addEventListener('change', ({ matches }) => (matches ? start() : end()))
}
