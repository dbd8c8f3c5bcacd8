import { printable, printableLine } from './printable.js'
import { duration } from './table.js'

/** The values that one line or one redraw shows. */
export interface Progress {
  readonly epoch: number
  readonly epochs: number
  readonly step: number
  readonly totalSteps: number
  readonly loss: number
  readonly learningRate: number
  readonly imagesPerSecond: number
  /** absent until it can be estimated */
  readonly secondsLeft?: number
  /** std of the normalised features relative to 1/sqrt(d): 1 when spread out, 0 when collapsed */
  readonly spread?: number
}

/** Shows progress: a bar on a terminal, plain lines elsewhere, JSON lines for a script. */
export interface ProgressView {
  show(progress: Progress): void
  /** progress of one task of a longer job: fraction done, 0..1, and name of the task */
  part(done: number, what: string): void
  /**
   * What the program starts to do, shown at once. Until the next call of any kind, the elapsed time is shown again and again, so that
   * long work is never silent.
   */
  phase(what: string): void
  /** a line that stays above the bar */
  note(text: string): void
  /** the result, printed only in JSON mode */
  result(facts: object): void
  end(): void
}

/**
 * @param stream usually process.stderr, so that stdout contains only results
 * @param everySeconds interval between plain lines if the stream is not a terminal
 */
export function progressView(
  stream: NodeJS.WriteStream = process.stderr,
  { json = false, everySeconds = 10 } = {},
): ProgressView {
  if (json) {
    const line = (object: object) => process.stdout.write(`${JSON.stringify(object)}\n`)
    return {
      show: (progress) => line({ event: 'step', ...progress }),
      part: (done, what) => line({ event: 'part', done, what }),
      phase: (what) => line({ event: 'phase', what }),
      note: (text) => line({ event: 'note', text }),
      result: (facts) => line({ event: 'end', ...facts }),
      end() {},
    }
  }
  return stream.isTTY ? bar(stream) : plainLines(stream, everySeconds)
}

function bar(stream: NodeJS.WriteStream): ProgressView {
  let drawn = false
  let lastDraw = 0
  const waiting = elapsedTime()
  const clear = () => {
    waiting.stop()
    if (drawn) stream.write('\r\x1b[2K')
    drawn = false
  }
  return {
    phase(what) {
      clear()
      waiting.start(1000, (seconds) => {
        if (drawn) stream.write('\r\x1b[2K')
        stream.write(describePhase(what, seconds).slice(0, (stream.columns || 80) - 1))
        drawn = true
      })
    },
    show(progress) {
      const now = Date.now()
      if (now - lastDraw < 100 && progress.step < progress.totalSteps) return
      lastDraw = now
      clear()
      stream.write(fitted(progress, (stream.columns || 80) - 1))
      drawn = true
    },
    part(done, what) {
      const now = Date.now()
      if (now - lastDraw < 100 && done < 1) return
      lastDraw = now
      clear()
      const columns = (stream.columns || 80) - 1
      const text = describePart(done, what).slice(0, Math.max(0, columns - shortestBar - 1))
      stream.write(`${barOf(Math.min(longestBar, columns - text.length - 1), done)} ${text}`)
      drawn = true
    },
    note(text) {
      clear()
      stream.write(`${printable(text)}\n`)
    },
    result() {},
    end() {
      if (waiting.stop()) clear()
      if (drawn) stream.write('\n')
      drawn = false
    },
  }
}

/** Runs of at most this many steps print each of them. */
const FEW_STEPS = 50

const [shortestBar, longestBar] = [5, 30]

/** Bar and text in one line. If there is no room, first the learning rate, then the speed, then the bar is left out. */
function fitted(progress: Progress, columns: number): string {
  const [text = ''] = [[], ['lr'], ['lr', 'images/s']]
    .map((without) => describe(progress, without))
    .filter((shorter, i) => i === 2 || shorter.length + 1 + shortestBar <= columns)
  const room = Math.min(longestBar, columns - text.length - 1)
  if (room < shortestBar) return text.slice(0, columns)
  return `${barOf(room, progress.step / progress.totalSteps)} ${text}`
}

function barOf(room: number, done: number): string {
  const filled = Math.round(room * done)
  return `${'█'.repeat(filled)}${'░'.repeat(room - filled)}`
}

/** Calls a function at once and then again and again with the elapsed seconds, until it is stopped. */
function elapsedTime() {
  let timer: NodeJS.Timeout | undefined
  const stop = (): boolean => {
    const running = timer !== undefined
    clearInterval(timer)
    timer = undefined
    return running
  }
  return {
    start(everyMs: number, show: (seconds: number) => void): void {
      stop()
      const started = Date.now()
      show(0)
      timer = setInterval(() => show((Date.now() - started) / 1000), everyMs)
      timer.unref()
    },
    /** @returns whether it was running */
    stop,
  }
}

/** `Compiling and computing the first step … 20 s` */
function describePhase(what: string, seconds: number): string {
  return `${printableLine(what)} …${seconds < 1 ? '' : ` ${duration(seconds)}`}`
}

/** ` 42 %  linear-probe: random weights` */
function describePart(done: number, what: string): string {
  return `${String(Math.floor(100 * done)).padStart(3)} %  ${printableLine(what)}`
}

function plainLines(stream: NodeJS.WriteStream, everySeconds: number): ProgressView {
  let last = 0
  let lastEpoch = -1
  const waiting = elapsedTime()
  return {
    phase(what) {
      waiting.start(everySeconds * 1000, (seconds) => stream.write(`${describePhase(what, seconds)}\n`))
    },
    show(progress) {
      waiting.stop()
      const now = Date.now()
      const due =
        progress.totalSteps <= FEW_STEPS ||
        now - last >= everySeconds * 1000 ||
        progress.epoch !== lastEpoch ||
        progress.step === progress.totalSteps
      if (!due) return
      last = now
      lastEpoch = progress.epoch
      stream.write(`${describe(progress)}\n`)
    },
    part(done, what) {
      waiting.stop()
      const now = Date.now()
      if (now - last < everySeconds * 1000) return
      last = now
      stream.write(`${describePart(done, what)}\n`)
    },
    note(text) {
      waiting.stop()
      stream.write(`${printable(text)}\n`)
    },
    result() {},
    end: () => void waiting.stop(),
  }
}

/**
 * `epoch 3/200 step 120/39000 loss 4.8312 lr 0.0600 512 images/s 5 min 3 s left spread 0.87`.
 * @param without parts to leave out: `lr`, `images/s`
 */
export function describe(progress: Progress, without: readonly string[] = []): string {
  const { epoch, epochs, step, totalSteps, loss, learningRate, imagesPerSecond, secondsLeft, spread } =
    progress
  const speed = `${imagesPerSecond < 10 ? imagesPerSecond.toFixed(1) : Math.round(imagesPerSecond)} images/s`
  const parts = [
    `epoch ${Math.min(epoch + 1, epochs)}/${epochs}`,
    `step ${step}/${totalSteps}`,
    `loss ${loss.toFixed(4)}`,
    ...(without.includes('lr') ? [] : [`lr ${learningRate.toPrecision(3)}`]),
    ...(without.includes('images/s') ? [] : [speed]),
    ...(secondsLeft === undefined ? [] : [`${duration(secondsLeft)} left`]),
  ]
  if (spread !== undefined) parts.push(`spread ${spread.toFixed(2)}${spread < 0.1 ? ' (collapsing?)' : ''}`)
  return parts.join('  ')
}
