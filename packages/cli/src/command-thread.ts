import { constants } from 'node:os'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { signals } from './interrupt.js'
import { duration } from './table.js'

// WebAssembly and plain JavaScript compute a step on the thread that asks for it. That thread runs no timers and sees no signals until the
// step ends. So a command with such an engine runs on a thread of its own; the main thread shows the time and obeys signals.

/** What the command's thread reports to the main thread. */
type Report =
  | { readonly text: string; readonly to: 'stdout' | 'stderr' }
  | { readonly kind: 'alive' | 'obeying' }
  | { readonly kind: 'interruptible'; readonly interruptible: boolean }
  | { readonly kind: 'end'; readonly code: number }

/** What the main thread passes to the command's thread. */
interface Start {
  readonly selfsupCommand: readonly string[]
  readonly terminals: Readonly<Record<'stdout' | 'stderr', { isTTY: boolean; columns?: number }>>
}

/** Silence after which the main thread says that the engine computes. */
const SILENT_MS = 2000
/** Interval of this message if stderr is not a terminal. */
const REPEAT_MS = 10_000
/** Time for the current step after a signal. */
const GRACE_MS = 5000

/**
 * Runs a command on a thread of its own. The first signal ends it as `interruptible` does, if the current step ends within 5 seconds;
 * otherwise, and at a second signal, the process ends at once.
 * @param script module that calls `commandOfThread` and runs the command
 * @param args arguments of the command
 * @param options.grace time for the current step after a signal, in milliseconds
 * @param options.silent silence after which the elapsed time is shown, in milliseconds
 * @returns exit code
 */
export function runOnThread(
  script: URL,
  args: readonly string[],
  { grace = GRACE_MS, silent = SILENT_MS }: { readonly grace?: number; readonly silent?: number } = {},
): Promise<number> {
  const terminal = ({ isTTY, columns }: NodeJS.WriteStream) => ({ isTTY: isTTY === true, columns })
  const start: Start = {
    selfsupCommand: args,
    terminals: { stdout: terminal(process.stdout), stderr: terminal(process.stderr) },
  }
  const worker = new Worker(script, { workerData: start })
  const silence = silenceView(args.includes('--json'), silent)
  let interruptible = false
  let signalled: NodeJS.Signals | undefined
  let obeying = false
  const end = (code: number): never => {
    silence.clear()
    return process.exit(code)
  }
  const onSignal = (signal: NodeJS.Signals) => {
    const code = 128 + constants.signals[signal]
    if (!interruptible) end(code)
    if (signalled) {
      if (signal !== 'SIGHUP') end(code)
      return
    }
    signalled = signal
    worker.postMessage(signal)
    setTimeout(() => {
      if (!obeying) silence.note('Waiting for the current step. Press Ctrl-C again to exit immediately.')
    }, 500).unref()
    setTimeout(() => {
      if (obeying) return
      silence.note('The current step takes too long: ended without it. The last checkpoint stays.')
      end(code)
    }, grace).unref()
  }
  for (const signal of signals) process.on(signal, onSignal)
  const timer = setInterval(silence.check, 250)
  return new Promise<number>((resolve, reject) => {
    worker.on('message', (report: Report) => {
      silence.heard()
      if ('text' in report) {
        silence.clear()
        process[report.to].write(report.text)
      } else if (report.kind === 'interruptible') ({ interruptible } = report)
      else if (report.kind === 'obeying') obeying = true
      else if (report.kind === 'end') resolve(report.code)
    })
    worker.on('error', reject)
    worker.on('exit', resolve)
  }).finally(() => {
    silence.clear()
    clearInterval(timer)
    for (const signal of signals) process.off(signal, onSignal)
    worker.unref()
  })
}

/** Shows how long the command's thread has been computing without a word. */
function silenceView(json: boolean, shortest: number) {
  const { stderr } = process
  let heardAt = performance.now()
  let shownAt = Number.NEGATIVE_INFINITY
  let drawn = false
  const clear = () => {
    if (drawn) stderr.write('\r\x1b[2K')
    drawn = false
  }
  return {
    clear,
    heard() {
      heardAt = performance.now()
    },
    note(text: string) {
      clear()
      stderr.write(`${text}\n`)
    },
    check() {
      const now = performance.now()
      const silent = now - heardAt
      if (json || silent < shortest || now - shownAt < (stderr.isTTY ? 1000 : REPEAT_MS)) return
      shownAt = now
      const text = `Computing … ${duration(silent / 1000)}`
      if (!stderr.isTTY) return void stderr.write(`${text}\n`)
      stderr.write(`\r\x1b[2K${text}`)
      drawn = true
    },
  }
}

/**
 * On a command's thread: its arguments. Sends what the command prints to the main thread at once, also if the thread computes next.
 * @returns undefined on other threads
 */
export function commandOfThread(): readonly string[] | undefined {
  const start = workerData as Start | null
  if (isMainThread || !parentPort || !start?.selfsupCommand) return undefined
  const port = parentPort
  for (const to of ['stdout', 'stderr'] as const) {
    const stream = process[to]
    const write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
      port.postMessage({ text: typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString(), to })
      const done = rest.find((argument) => typeof argument === 'function') as (() => void) | undefined
      if (done) setImmediate(done)
      return true
    }
    Object.assign(stream, start.terminals[to], { write })
  }
  setInterval(() => port.postMessage({ kind: 'alive' }), 250).unref()
  return start.selfsupCommand
}

/** On a command's thread: reports that it has ended. */
export function endThread(code: number): void {
  parentPort!.postMessage({ kind: 'end', code })
}
