import { fork } from 'node:child_process'
import { readFileSync } from 'node:fs'

/**
 * A process that reads inputs one after the other. If an input takes too much time or memory or crashes the process, the process is killed,
 * and the next input starts another one.
 * @param {string} path path of the worker's script
 * @param {{ seconds: number, megabytes: number }} limits limits for one input
 */
export function fuzzWorker(path, { seconds, megabytes }) {
  /** @type {import('node:child_process').ChildProcess | undefined} */
  let child
  /** @returns {Promise<import('node:child_process').ChildProcess>} */
  const start = () =>
    new Promise((resolve, failed) => {
      const started = fork(path, {
        stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
        execArgv: [`--max-old-space-size=${megabytes}`],
      })
      child = started
      started.once('message', () => resolve(started))
      started.once('exit', (code) => failed(new Error(`the worker ended with ${code} before it was ready`)))
    })
  const stop = () => {
    child?.removeAllListeners()
    child?.kill('SIGKILL')
    child = undefined
  }
  return {
    /**
     * @param {import('node:child_process').Serializable} task
     * @returns {Promise<{ kind: string, message?: string, seconds: number }>}
     */
    async run(task) {
      const worker = child ?? (await start())
      worker.removeAllListeners()
      const started = performance.now()
      /** @type {NodeJS.Timeout | undefined} */
      let tooLong
      /** @type {NodeJS.Timeout | undefined} */
      let watch
      /** @type {{ kind: string, message?: string }} */
      const outcome = await new Promise((resolve) => {
        tooLong = setTimeout(
          () => resolve({ kind: 'hang', message: `not finished after ${seconds} s` }),
          1000 * seconds,
        )
        watch = setInterval(() => {
          const used = residentMegabytes(worker.pid)
          if (used > megabytes)
            resolve({ kind: 'memory', message: `${used.toFixed(0)} MB, more than ${megabytes}` })
        }, 20)
        worker.once('message', resolve)
        worker.once('exit', (code, signal) =>
          resolve({ kind: 'crash', message: `the process ended with ${signal ?? code}` }),
        )
        worker.send(task)
      })
      clearTimeout(tooLong)
      clearInterval(watch)
      if (['hang', 'memory', 'crash'].includes(outcome.kind)) stop()
      return { ...outcome, seconds: (performance.now() - started) / 1000 }
    },
    end: stop,
  }
}

/**
 * Resident memory, from /proc on Linux; 0 on other systems, where only V8's limit applies.
 * @param {number | undefined} pid
 */
function residentMegabytes(pid) {
  try {
    return (Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096) / 2 ** 20
  } catch {
    return 0
  }
}
