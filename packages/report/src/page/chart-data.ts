/** A line of a chart. */
export interface Line {
  readonly name: string
  /** index in the colour palette */
  readonly color: number
  readonly x: readonly number[]
  readonly y: readonly number[]
  /** ends of a band around the line, or of error bars if points are shown */
  readonly low?: readonly (number | undefined)[]
  readonly high?: readonly (number | undefined)[]
  /** whether the points are marked */
  readonly points?: boolean
  /** 0 or absent: solid; 1 dashed, 2 dotted, and so on cyclically */
  readonly dash?: number
  /** drawn in the background, thin and pale, and not listed in the legend */
  readonly faint?: boolean
}

/** Columns over a common ascending x, as uPlot expects them; null where a line has no point. */
export function aligned(lines: readonly Line[]): { x: number[]; columns: (number | null)[][] } {
  const x = [...new Set(lines.flatMap((line) => line.x))].sort((a, b) => a - b)
  const row = new Map(x.map((value, i) => [value, i]))
  const column = (line: Line, values: readonly (number | undefined)[]) => {
    const filled: (number | null)[] = new Array(x.length).fill(null)
    for (const [i, value] of line.x.entries()) filled[row.get(value)!] = values[i] ?? null
    return filled
  }
  const columns = lines.flatMap((line) => {
    const main = column(line, line.y)
    return hasBand(line) ? [main, column(line, line.high!), column(line, line.low!)] : [main]
  })
  return { x, columns }
}

/** Whether a band is drawn around the line; marked points have error bars instead. */
export function hasBand({ low, high, points }: Line): boolean {
  return low !== undefined && high !== undefined && !points
}

/** Index of the value nearest to `x` in ascending values; -1 if there are none. */
export function nearestIndex(values: readonly number[], x: number): number {
  let [low, high] = [0, values.length - 1]
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (values[middle]! < x) low = middle
    else high = middle
  }
  return high >= 0 && Math.abs(values[high]! - x) < Math.abs(values[low]! - x) ? high : high < 0 ? -1 : low
}

/** Centred exponential moving average over about `part` of all points, without lag. */
export function smoothed(values: readonly number[], part = 0.015): number[] {
  const keep = 1 - 1 / Math.max(1, part * values.length)
  const before = running(values, keep)
  const after = running([...values].reverse(), keep).reverse()
  // Both sums contain the value itself.
  return values.map((value, i) => {
    const [sum, weight] = [before[i]!.sum + after[i]!.sum - value, before[i]!.weight + after[i]!.weight - 1]
    return sum / weight
  })
}

/** Exponentially weighted running sums. */
function running(values: readonly number[], keep: number): { sum: number; weight: number }[] {
  let [sum, weight] = [0, 0]
  return values.map((value) => {
    sum = keep * sum + value
    weight = keep * weight + 1
    return { sum, weight }
  })
}

/** At most `most` evenly spaced indices below `length`, including the first and the last. */
export function someOf(length: number, most: number): number[] {
  if (length <= most) return Array.from({ length }, (_, i) => i)
  return Array.from({ length: most }, (_, i) => Math.round((i * (length - 1)) / (most - 1)))
}
