import type { Curve } from './page-data.js'

/**
 * A curve in bounded memory: neighbouring points share a bucket with their mean and extremes, so that a spike of a single step
 * among a million is still visible.
 */
export class ThinnedCurve {
  readonly #most: number
  #points: Bucket[] = []
  /** points per full bucket: a power of 2 */
  #each = 1
  latest = Number.NaN

  /** @param most maximum number of buckets; at least half as many are used once there are enough points */
  constructor(most: number) {
    this.#most = Math.max(2, most)
  }

  /** Adds a point; x must not decrease. Values that are not finite are ignored. */
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

  /** The curve so far, rounded to five significant digits. x is the last of each bucket. */
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

/** Rounds to five significant digits. */
function rounded(value: number): number {
  return Number(value.toPrecision(5))
}
