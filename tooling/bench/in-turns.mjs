import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'

const turnMs = 4_000

/**
 * Lets programs work alternately, a few seconds each, and counts only the time of their turns: a machine that is
 * faster in one minute than in the next is so for each of them. A program prints `begin` when what is to be measured
 * starts; its report and `end N UNIT` after N of what it makes.
 * @param {readonly (readonly [command: string, script: string])[]} programs
 * @param {NodeJS.ProcessEnv} env
 * @returns for each N a second, the unit, and the report; undefined for one that failed
 */
export async function inTurns(programs, env) {
  const running = programs.map(([command, script]) => start(command, script, env))
  try {
    for (const program of running) {
      await Promise.race([program.begun, program.over])
      program.child.kill('SIGSTOP')
    }
    while (running.some(({ done }) => !done)) {
      for (const program of running.filter(({ done }) => !done)) {
        const started = performance.now()
        program.child.kill('SIGCONT')
        await Promise.race([program.over, setTimeout(turnMs)])
        program.seconds += (performance.now() - started) / 1000
        if (!program.done) program.child.kill('SIGSTOP')
      }
    }
    return running.map(({ made, seconds, unit, last }) =>
      made === undefined
        ? undefined
        : {
            value: made / seconds,
            unit,
            report: /** @type {import('./built.js').Report} */ (JSON.parse(last)),
          },
    )
  } finally {
    for (const { child } of running) child.kill('SIGKILL')
  }
}

/** A promise, and what resolves it. */
function signal() {
  /** @type {() => void} */
  let give = () => {}
  /** @type {Promise<void>} */
  const given = new Promise((resolve) => {
    give = resolve
  })
  return { given, give }
}

/**
 * @param {string} command
 * @param {string} script
 * @param {NodeJS.ProcessEnv} env
 */
function start(command, script, env) {
  const child = spawn(command, [script], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const [begin, end] = [signal(), signal()]
  /** @type {number | undefined} */
  let made
  const program = {
    child,
    begun: begin.given,
    over: end.given,
    seconds: 0,
    done: false,
    made,
    unit: '',
    last: '',
  }
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line === 'begin') return begin.give()
    const [word, count, unit = ''] = line.split(' ')
    if (word !== 'end') {
      program.last = line
      return
    }
    Object.assign(program, { made: Number(count), unit, done: true })
    end.give()
  })
  child.on('close', () => {
    program.done = true
    end.give()
  })
  return program
}
