import { MetricsFollower, type MetricsLine } from '@selfsup/run-folder'
import type { Curve } from './page-data.js'
import { ThinnedCurve } from './thinned-curve.js'

/** Metrics of one run; more are a damaged file or nothing a person would look at. */
const MOST_CURVES = 60

/** Curves of a run's metrics that grow while it trains. Memory does not grow with the log. */
export class MetricsReader {
  readonly #follower: MetricsFollower
  readonly #points: number
  #curves = new Map<string, ThinnedCurve>()
  #timedStep = 0
  /** sum over steps of 1 / images per second: times the batch, the seconds that training took */
  secondsPerImage = 0

  /** @param points kept of each curve, at most */
  constructor(run: string, points: number) {
    this.#points = points
    this.#follower = new MetricsFollower(run, {
      line: (line) => this.#line(line),
      restart: () => this.#restart(),
    })
  }

  /** steps done at the last line */
  get step(): number {
    return this.#follower.step
  }

  /** lines that are no metrics */
  get damagedLines(): number {
    return this.#follower.damagedLines
  }

  /** Reads what was appended since the last time. Never throws for a bad line. @returns whether anything has changed */
  update(): Promise<boolean> {
    return this.#follower.update()
  }

  curves(): Curve[] {
    return [...this.#curves].map(([name, curve]) => curve.curve(name))
  }

  latest(): Record<string, number> {
    return Object.fromEntries([...this.#curves].map(([name, curve]) => [name, curve.latest]))
  }

  #restart(): void {
    this.#curves = new Map()
    this.#timedStep = 0
    this.secondsPerImage = 0
  }

  #line({ step, epoch, ...metrics }: MetricsLine): void {
    const { imagesPerSecond } = metrics
    if (imagesPerSecond !== undefined && imagesPerSecond > 0) {
      this.secondsPerImage += (step - this.#timedStep) / imagesPerSecond
      this.#timedStep = step
    }
    for (const [name, value] of Object.entries(metrics)) {
      if (value === undefined) continue
      let curve = this.#curves.get(name)
      if (!curve && this.#curves.size < MOST_CURVES) {
        curve = new ThinnedCurve(this.#points)
        this.#curves.set(name, curve)
      }
      curve?.add(step, value)
    }
  }
}
