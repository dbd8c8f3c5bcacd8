import { MetricsFollower, type MetricsLine } from '@selfsup/run-folder'
import type { Curve } from './page-data.js'
import { ThinnedCurve } from './thinned-curve.js'

/** Maximum number of metrics of a run; further ones are ignored. */
const MOST_CURVES = 60

/** Curves of a run's metrics that grow while it trains. Memory does not grow with the log. */
export class MetricsReader {
  readonly #follower: MetricsFollower
  readonly #points: number
  #curves = new Map<string, ThinnedCurve>()
  #timedStep = 0
  /** sum over the steps of 1 / images per second; multiplied by the batch size, the duration of training in seconds */
  secondsPerImage = 0

  /** @param points maximum number of points per curve */
  constructor(run: string, points: number) {
    this.#points = points
    this.#follower = new MetricsFollower(run, {
      line: (line) => this.#line(line),
      restart: () => this.#restart(),
    })
  }

  /** step of the last line */
  get step(): number {
    return this.#follower.step
  }

  /** number of lines that are not valid metrics */
  get damagedLines(): number {
    return this.#follower.damagedLines
  }

  /** Reads the lines appended since the last update. Never throws for a bad line. @returns whether anything has changed */
  update(): Promise<boolean> {
    return this.#follower.update()
  }

  /** One curve for each metric. */
  curves(): Curve[] {
    return [...this.#curves].map(([name, curve]) => curve.curve(name))
  }

  /** The newest value of each metric. */
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
