/** Speed of the last laps: what a progress bar shows, steady but not stale. */
export class Stopwatch {
  private readonly laps: { seconds: number; images: number }[] = []
  private last = performance.now()
  private first = true

  /** @param window how many laps count */
  constructor(private readonly window = 20) {}

  /** A lap of so many images ends now. */
  lap(images: number): void {
    const now = performance.now()
    this.laps.push({ seconds: (now - this.last) / 1000, images })
    this.last = now
    if (this.laps.length > this.window) this.laps.shift()
    // The first lap holds what is done once, compiling and filling caches: it counts until there is another.
    if (this.first && this.laps.length === 2) {
      this.laps.shift()
      this.first = false
    }
  }

  get secondsPerLap(): number {
    return this.laps.length === 0 ? 0 : this.sum('seconds') / this.laps.length
  }

  get imagesPerSecond(): number {
    return this.laps.length === 0 ? 0 : this.sum('images') / Math.max(this.sum('seconds'), 1e-9)
  }

  private sum(what: 'seconds' | 'images'): number {
    return this.laps.reduce((sum, lap) => sum + lap[what], 0)
  }
}
