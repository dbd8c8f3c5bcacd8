import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'

const turnMs = 4_000

/**
 * Runs programs alternately, a few seconds each, and counts only the time of their turns, so that variations of the machine's speed
 * affect all of them alike. A program prints `begin` when the measured part starts; at the end its report and `end N UNIT`, where N is
 * the amount of its work.
 * @param programs [command, script] each
 * @returns for each program N per second, the unit, and the report; undefined if it failed
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
      made === undefined ? undefined : { value: made / seconds, unit, report: JSON.parse(last) },
    )
  } finally {
    for (const { child } of running) child.kill('SIGKILL')
  }
}

function start(command, script, env) {
  const child = spawn(command, [script], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const program = { child, seconds: 0, done: false, made: undefined, unit: '', last: '' }
  program.begun = new Promise((resolve) => {
    program.over = new Promise((finish) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (line === 'begin') return resolve()
        const [word, made, unit] = line.split(' ')
        if (word !== 'end') {
          program.last = line
          return
        }
        Object.assign(program, { made: Number(made), unit, done: true })
        finish()
      })
      child.on('close', () => {
        program.done = true
        finish()
      })
    })
  })
  return program
}
