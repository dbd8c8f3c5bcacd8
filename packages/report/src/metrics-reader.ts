import type { Curve } from './page-data.js'
import { openRegular } from './regular-file.js'
import { ThinnedCurve } from './thinned-curve.js'

/** Bytes read at a time. */
const BLOCK_BYTES = 2 ** 20
/** A line longer than this is no line of a metrics log. */
const LONGEST_LINE = 2 ** 20
/** Metrics of one run; more are a damaged file or nothing a person would look at. */
const MOST_CURVES = 60

/** Follows a `metrics.jsonl` that grows: each update reads only what is new. Memory does not grow with the log. */
export class MetricsReader {
  readonly #path: string
  readonly #points: number
  #offset = 0
  #file: number | undefined
  #rest: Buffer = Buffer.alloc(0)
  #curves = new Map<string, ThinnedCurve>()
  #timedStep = 0
  /** steps done at the last line */
  step = 0
  /** sum over steps of 1 / images per second: times the batch, the seconds that training took */
  secondsPerImage = 0
  /** lines that are no metrics */
  damagedLines = 0

  /** @param points kept of each curve, at most */
  constructor(path: string, points: number) {
    this.#path = path
    this.#points = points
  }

  /** Reads what was appended since the last time; from the start when the log was cut or replaced. Never throws for a bad line. */
  async update(): Promise<boolean> {
    const file = await openRegular(this.#path).catch(() => undefined)
    if (!file) {
      const had = this.#offset > 0
      this.#restart()
      return had
    }
    try {
      const { size, ino } = await file.stat()
      if (size < this.#offset || (this.#file !== undefined && ino !== this.#file)) this.#restart()
      this.#file = ino
      if (size === this.#offset) return false
      let goesOn = this.#offset > 0
      const block = Buffer.alloc(Math.min(BLOCK_BYTES, goesOn ? size - this.#offset : size))
      while (this.#offset < size) {
        const { bytesRead } = await file.read(block, 0, block.length, this.#offset)
        if (bytesRead === 0) break
        this.#offset += bytesRead
        if (this.#take(block.subarray(0, bytesRead)) || !goesOn) continue
        // Steps went back since the last time: a resumed run has rewritten the end of its log.
        goesOn = false
        this.#restart()
        this.#file = ino
      }
      return true
    } finally {
      await file.close()
    }
  }

  curves(): Curve[] {
    return [...this.#curves].map(([name, curve]) => curve.curve(name))
  }

  latest(): Record<string, number> {
    return Object.fromEntries([...this.#curves].map(([name, curve]) => [name, curve.latest]))
  }

  #restart(): void {
    this.#offset = 0
    this.#file = undefined
    this.#rest = Buffer.alloc(0)
    this.#curves = new Map()
    this.#timedStep = 0
    this.step = 0
    this.secondsPerImage = 0
    this.damagedLines = 0
  }

  /** @returns false when steps went back */
  #take(block: Buffer): boolean {
    const text = this.#rest.length > 0 ? Buffer.concat([this.#rest, block]) : block
    let start = 0
    let rising = true
    for (let end = text.indexOf(10); end >= 0; end = text.indexOf(10, start)) {
      if (end > start) rising = this.#line(text.toString('utf8', start, end)) && rising
      start = end + 1
    }
    const rest = text.subarray(start)
    this.#rest = rest.length > LONGEST_LINE ? Buffer.alloc(0) : Buffer.from(rest)
    return rising
  }

  #line(line: string): boolean {
    let values: unknown
    try {
      values = JSON.parse(line)
    } catch {
      this.damagedLines++
      return true
    }
    const { step, epoch, ...metrics } = (values ?? {}) as Record<string, unknown>
    if (typeof step !== 'number' || !Number.isFinite(step)) {
      this.damagedLines++
      return true
    }
    if (step < this.step) return false
    this.step = step
    const speed = metrics.imagesPerSecond
    if (typeof speed === 'number' && speed > 0) {
      this.secondsPerImage += (step - this.#timedStep) / speed
      this.#timedStep = step
    }
    for (const [name, value] of Object.entries(metrics)) {
      if (typeof value !== 'number') continue
      let curve = this.#curves.get(name)
      if (!curve && this.#curves.size < MOST_CURVES) {
        curve = new ThinnedCurve(this.#points)
        this.#curves.set(name, curve)
      }
      curve?.add(step, value)
    }
    return true
  }
}
