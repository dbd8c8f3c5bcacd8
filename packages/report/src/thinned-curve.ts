import type { Curve } from './page-data.js'

/**
 * A curve in bounded memory, however many points it is given: neighbours share a bucket, which keeps their mean and
 * extremes, so that a spike of one step among a million still shows.
 */
export class ThinnedCurve {
  readonly #most: number
  #points: Bucket[] = []
  /** points that a full bucket holds: a power of 2 */
  #each = 1
  latest = Number.NaN

  /** @param most buckets; at least half as many are kept once there are so many points */
  constructor(most: number) {
    this.#most = Math.max(2, most)
  }

  /** Adds a point with x not below the last one's; one that is no finite number is left out. */
  add(x: number, y: number): void {
    if (!Number.isFinite(x) || !Number.isFinite(y)) return
    this.latest = y
    const last = this.#points.at(-1)
    if (last && last.count < this.#each) {
      merge(last, { x, sum: y, low: y, high: y, count: 1 })
      return
    }
    if (this.#points.length === this.#most) this.#halve()
    const open = this.#points.at(-1)
    if (open && open.count < this.#each) merge(open, { x, sum: y, low: y, high: y, count: 1 })
    else this.#points.push({ x, sum: y, low: y, high: y, count: 1 })
  }

  #halve(): void {
    const halved: Bucket[] = []
    for (let i = 0; i < this.#points.length; i += 2) {
      const [bucket, next] = [this.#points[i]!, this.#points[i + 1]]
      if (next) merge(bucket, next)
      halved.push(bucket)
    }
    this.#points = halved
    this.#each *= 2
  }

  /** The curve so far; numbers are rounded to what a chart can show. x is a bucket's last. */
  curve(name: string): Curve {
    const of = (value: (bucket: Bucket) => number) => this.#points.map((bucket) => rounded(value(bucket)))
    const [x, y] = [this.#points.map((bucket) => bucket.x), of(({ sum, count }) => sum / count)]
    if (this.#each === 1) return { name, x, y }
    return { name, x, y, low: of(({ low }) => low), high: of(({ high }) => high) }
  }
}

interface Bucket {
  x: number
  sum: number
  low: number
  high: number
  count: number
}

function merge(into: Bucket, other: Bucket): void {
  into.x = other.x
  into.sum += other.sum
  into.low = Math.min(into.low, other.low)
  into.high = Math.max(into.high, other.high)
  into.count += other.count
}

/** Five significant digits. */
function rounded(value: number): number {
  return Number(value.toPrecision(5))
}
