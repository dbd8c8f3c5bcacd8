/** Number of laps that an estimate is based on, at least. */
const FEWEST = 3

/** Number of laps after which an estimate is made even if the laps differ. */
const ENOUGH = 10

/** Measures the speed as an average over the last laps, for progress displays. */
export class Stopwatch {
  private readonly laps: { seconds: number; images: number }[] = []
  private last: number
  private first = true

  /**
   * @param window number of laps to average over
   * @param now the time in ms
   */
  constructor(
    private readonly window = 20,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.last = now()
  }

  /** Ends a lap with this number of images. */
  lap(images: number): void {
    const now = this.now()
    this.laps.push({ seconds: (now - this.last) / 1000, images })
    this.last = now
    if (this.laps.length > this.window) this.laps.shift()
    // The first lap includes compiling and filling caches. It is used only until the second lap ends.
    if (this.first && this.laps.length === 2) {
      this.laps.shift()
      this.first = false
    }
  }

  /** Leaves the last `seconds` out of the current lap: a checkpoint was written. */
  leaveOut(seconds: number): void {
    this.last += seconds * 1000
  }

  /** Duration of the last lap; undefined before the second. */
  get lastLap(): number | undefined {
    return this.first ? undefined : this.laps.at(-1)?.seconds
  }

  /**
   * Average duration of a lap. Undefined while it would mislead: during the first laps, which compile and fill caches, and while
   * few laps differ by more than a factor of 2.
   */
  get secondsPerLap(): number | undefined {
    if (this.first || this.laps.length < FEWEST) return undefined
    const newest = this.laps.slice(-FEWEST).map(({ seconds }) => seconds)
    if (this.laps.length < ENOUGH && Math.max(...newest) > 2 * Math.min(...newest)) return undefined
    return this.sum('seconds') / this.laps.length
  }

  get imagesPerSecond(): number {
    return this.laps.length === 0 ? 0 : this.sum('images') / Math.max(this.sum('seconds'), 1e-9)
  }

  private sum(what: 'seconds' | 'images'): number {
    return this.laps.reduce((sum, lap) => sum + lap[what], 0)
  }
}
