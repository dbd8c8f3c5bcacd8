import { fork } from 'node:child_process'
import { readFileSync } from 'node:fs'

/**
 * A process that reads inputs one after the other. One that takes too long, too much memory, or crashes is ended, and the
 * next input gets another process.
 */
export function fuzzWorker(path, { seconds, megabytes }) {
  let child
  const start = () =>
    new Promise((ready, failed) => {
      child = fork(path, {
        stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
        execArgv: [`--max-old-space-size=${megabytes}`],
      })
      child.once('message', ready)
      child.once('exit', (code) => failed(new Error(`the worker ended with ${code} before it was ready`)))
    })
  const stop = () => {
    child?.removeAllListeners()
    child?.kill('SIGKILL')
    child = undefined
  }
  return {
    async run(task) {
      if (!child) await start()
      child.removeAllListeners()
      const started = performance.now()
      let [tooLong, watch] = []
      const outcome = await new Promise((resolve) => {
        tooLong = setTimeout(
          () => resolve({ kind: 'hang', message: `no end within ${seconds} s` }),
          1000 * seconds,
        )
        watch = setInterval(() => {
          const used = residentMegabytes(child.pid)
          if (used > megabytes)
            resolve({ kind: 'memory', message: `${used.toFixed(0)} MB, more than ${megabytes}` })
        }, 20)
        child.once('message', resolve)
        child.once('exit', (code, signal) =>
          resolve({ kind: 'crash', message: `the process ended with ${signal ?? code}` }),
        )
        child.send(task)
      })
      clearTimeout(tooLong)
      clearInterval(watch)
      if (['hang', 'memory', 'crash'].includes(outcome.kind)) stop()
      return { ...outcome, seconds: (performance.now() - started) / 1000 }
    },
    end: stop,
  }
}

/** On Linux, where /proc says it; elsewhere V8's own limit has to do. */
function residentMegabytes(pid) {
  try {
    return (Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096) / 2 ** 20
  } catch {
    return 0
  }
}
