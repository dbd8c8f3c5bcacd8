export type Theme = 'auto' | 'light' | 'dark'

/** Told of by the document when colours have changed: canvases must be drawn anew. */
export const REPAINT = 'selfsup-repaint'

const colors = new Map<string, string>()

/** A colour by its CSS variable, such as `--line-1`, as a canvas understands it. */
export function cssColor(name: string): string {
  let value = colors.get(name)
  if (value === undefined) {
    // A variable's own text is `light-dark(...)`; what it comes to shows only where it is used.
    const probe = document.body.appendChild(document.createElement('i'))
    probe.style.color = `var(${name})`
    value = getComputedStyle(probe).color
    probe.remove()
    colors.set(name, value)
  }
  return value
}

/** `rgb(1, 2, 3)` as `rgba(1, 2, 3, 0.2)`, `oklch(0.6 0.16 40)` as `oklch(0.6 0.16 40 / 0.2)`. */
export function translucent(color: string, alpha: number): string {
  return color
    .replace(/^rgb\((.*)\)$/, `rgba($1, ${alpha})`)
    .replace(/^oklch\((.*)\)$/, `oklch($1 / ${alpha})`)
}

/** Colours in the style sheet. */
const LINE_COLORS = 8

/** A line's colour: from the style sheet, of more lines around the wheel. */
export function lineColor(index: number): string {
  return index < LINE_COLORS ? cssColor(`--line-${index + 1}`) : wheelColor(index)
}

/** A class's colour: from the lines' where there are few classes, else around the wheel. */
export function classColor(index: number, count: number): string {
  if (index < 0) return cssColor('--faint')
  return count <= LINE_COLORS ? lineColor(index) : wheelColor(index)
}

/** The same in a style sheet, where it follows the theme by itself. */
export function lineSwatch(index: number): string {
  return index < LINE_COLORS
    ? `var(--line-${index + 1})`
    : `light-dark(${wheelColor(index, false)}, ${wheelColor(index, true)})`
}

function wheelColor(index: number, dark = isDark()): string {
  // Neighbouring numbers lie far apart on the wheel, and every other is lighter.
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

export function setTheme(theme: Theme): void {
  if (theme === 'auto') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
  repaint()
}

/** Paper is white: a page is printed in light colours, and its canvases are drawn in them before. */
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
