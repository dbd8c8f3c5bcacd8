/** A line of a chart. */
export interface Line {
  readonly name: string
  /** place in the palette */
  readonly color: number
  readonly x: readonly number[]
  readonly y: readonly number[]
  /** a band around it, or whiskers where points are shown */
  readonly low?: readonly (number | undefined)[]
  readonly high?: readonly (number | undefined)[]
  /** each point is marked */
  readonly points?: boolean
  /** 0 or absent: unbroken; 1 dashed, 2 dotted, and so on around */
  readonly dash?: number
  /** drawn behind, thin and pale, and named nowhere */
  readonly faint?: boolean
}

/** Columns over one rising x, as uPlot takes them; null where a line has no point. */
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

/** Whether a band is drawn around the line: points have whiskers instead. */
export function hasBand({ low, high, points }: Line): boolean {
  return low !== undefined && high !== undefined && !points
}

/** Position of the value nearest to `x` in rising values; -1 when there are none. */
export function nearestIndex(values: readonly number[], x: number): number {
  let [low, high] = [0, values.length - 1]
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (values[middle]! < x) low = middle
    else high = middle
  }
  return high >= 0 && Math.abs(values[high]! - x) < Math.abs(values[low]! - x) ? high : high < 0 ? -1 : low
}

/** Means over about `part` of all points, weighted the less the farther they lie before or after: nothing lags. */
export function smoothed(values: readonly number[], part = 0.015): number[] {
  const keep = 1 - 1 / Math.max(1, part * values.length)
  const before = running(values, keep)
  const after = running([...values].reverse(), keep).reverse()
  // Both hold the value itself.
  return values.map((value, i) => {
    const [sum, weight] = [before[i]!.sum + after[i]!.sum - value, before[i]!.weight + after[i]!.weight - 1]
    return sum / weight
  })
}

/** Sums that forget. */
function running(values: readonly number[], keep: number): { sum: number; weight: number }[] {
  let [sum, weight] = [0, 0]
  return values.map((value) => {
    sum = keep * sum + value
    weight = keep * weight + 1
    return { sum, weight }
  })
}

/** At most so many positions of `length`, with the first and the last. */
export function someOf(length: number, most: number): number[] {
  if (length <= most) return Array.from({ length }, (_, i) => i)
  return Array.from({ length: most }, (_, i) => Math.round((i * (length - 1)) / (most - 1)))
}
