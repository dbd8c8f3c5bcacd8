import { type MetricsLine, parseMetricsLine } from './metrics.js'
import { openFile } from './open-file.js'
import { runPaths } from './paths.js'

/** Bytes per read. */
const BLOCK_BYTES = 2 ** 20
/** Longer lines are not lines of a metrics log. */
const LONGEST_LINE = 2 ** 20

/** Receives what a follower reads. */
export interface MetricsListener {
  /** a line whose step is not before that of the previous line */
  line(line: MetricsLine): void
  /** the log was cut or replaced: discard all lines so far; it is read again from the start */
  restart(): void
}

/** Follows the metrics of a run while they grow. Each update reads only new lines; memory does not grow with the log. */
export class MetricsFollower {
  readonly #path: string
  readonly #listener: MetricsListener
  #offset = 0
  #file: number | undefined
  #rest: Buffer = Buffer.alloc(0)
  /** step of the last line */
  step = 0
  /** number of lines that are not valid metrics */
  damagedLines = 0

  constructor(run: string, listener: MetricsListener) {
    this.#path = runPaths(run).metrics
    this.#listener = listener
  }

  /**
   * Reads the lines appended since the last update, or all lines if the log was cut or replaced. Never throws for a bad line.
   * @returns whether anything has changed
   */
  async update(): Promise<boolean> {
    const file = await openFile(this.#path).catch(() => undefined)
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
      let continues = this.#offset > 0
      const block = Buffer.alloc(Math.min(BLOCK_BYTES, continues ? size - this.#offset : size))
      while (this.#offset < size) {
        const { bytesRead } = await file.read(block, 0, block.length, this.#offset)
        if (bytesRead === 0) break
        this.#offset += bytesRead
        if (this.#take(block.subarray(0, bytesRead)) || !continues) continue
        // Steps went back since the last update: a resumed run has rewritten the end of its log.
        continues = false
        this.#restart()
        this.#file = ino
      }
      return true
    } finally {
      await file.close()
    }
  }

  #restart(): void {
    this.#offset = 0
    this.#file = undefined
    this.#rest = Buffer.alloc(0)
    this.step = 0
    this.damagedLines = 0
    this.#listener.restart()
  }

  /** @returns false if steps went back */
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

  #line(text: string): boolean {
    const line = parseMetricsLine(text)
    if (!line) {
      this.damagedLines++
      return true
    }
    if (line.step < this.step) return false
    this.step = line.step
    this.#listener.line(line)
    return true
  }
}
