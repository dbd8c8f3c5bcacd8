/** Measures the speed as an average over the last laps, for progress displays. */
export class Stopwatch {
  private readonly laps: { seconds: number; images: number }[] = []
  private last = performance.now()
  private first = true

  /** @param window number of laps to average over */
  constructor(private readonly window = 20) {}

  /** Ends a lap with this number of images. */
  lap(images: number): void {
    const now = performance.now()
    this.laps.push({ seconds: (now - this.last) / 1000, images })
    this.last = now
    if (this.laps.length > this.window) this.laps.shift()
    // The first lap includes compiling and filling caches. It is used only until the second lap ends.
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
