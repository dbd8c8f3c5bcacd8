/** @import { Row } from './built.js' */
// Runs the parts of a long measurement, each with its own time limit, and saves what each found before the next one starts.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * A command whose last line of output is { rows }.
 * @typedef {object} Command
 * @property {readonly [string, ...string[]]} command
 * @property {NodeJS.ProcessEnv} [env] in addition to this process's
 */

/**
 * @typedef {object} Part
 * @property {string} name
 * @property {number} seconds at most
 * @property {(run: (command: Command) => Promise<Row[]>, found: Row[]) => Promise<readonly Row[] | void>} measure starts commands,
 *   and returns what it found or adds it to `found`, which is saved if the part fails or takes too long, too
 */

/**
 * @typedef {object} Found
 * @property {'done' | 'failed' | 'too long' | 'no time left'} state
 * @property {number} seconds
 * @property {readonly Row[]} rows
 * @property {string} [error]
 */

/**
 * Runs parts one after another. A part that was done in an earlier call with the same file is not run again.
 * @param {readonly Part[]} parts
 * @param {object} options
 * @param {string} options.file where results are saved
 * @param {number} options.seconds for all parts together; the limit of each part is cut to what is left
 * @param {(name: string, found: Found) => void} [options.onPart]
 * @returns {Promise<Record<string, Found>>} of all parts, those of earlier calls included
 */
export async function runParts(parts, { file, seconds, onPart = () => {} }) {
  const deadline = performance.now() + seconds * 1000
  /** @type {Record<string, Found>} */
  const all = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
  mkdirSync(dirname(file), { recursive: true })
  for (const { name, seconds: most, measure } of parts) {
    if (all[name]?.state === 'done') continue
    const started = performance.now()
    const left = Math.min(most * 1000, deadline - started)
    const found = left < 1000 ? noTime : await limited(measure, left)
    all[name] = { ...found, seconds: (performance.now() - started) / 1000 }
    writeFileSync(`${file}.tmp`, `${JSON.stringify(all, undefined, 1)}\n`)
    renameSync(`${file}.tmp`, file)
    onPart(name, all[name])
  }
  return all
}

/** @type {Omit<Found, 'seconds'>} */
const noTime = { state: 'no time left', rows: [] }

/**
 * @param {Part['measure']} measure
 * @param {number} ms
 * @returns {Promise<Omit<Found, 'seconds'>>}
 */
async function limited(measure, ms) {
  /** @type {Set<import('node:child_process').ChildProcess>} */
  const children = new Set()
  /** @type {Row[]} */
  const found = []
  let late = false
  const end = () => {
    late = true
    // With the processes that they have started: each is the leader of a group.
    for (const { pid } of children)
      if (pid)
        try {
          process.kill(-pid, 'SIGKILL')
        } catch {} // it has ended
  }
  const timer = setTimeout(end, ms)
  try {
    const run = (/** @type {Command} */ command) => {
      if (late) return Promise.reject(new Error('no time left'))
      return rowsOf(command, children)
    }
    const more = await measure(run, found)
    return { state: 'done', rows: [...found, ...(more ?? [])] }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return late ? { state: 'too long', rows: found } : { state: 'failed', rows: found, error: message }
  } finally {
    clearTimeout(timer)
  }
}

/**
 * @param {Command} command
 * @param {Set<import('node:child_process').ChildProcess>} children
 * @returns {Promise<Row[]>}
 */
function rowsOf({ command: [program, ...args], env }, children) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    children.add(child)
    const [out, err] = [collected(child.stdout), collected(child.stderr)]
    child.on('error', reject)
    child.on('close', (code) => {
      children.delete(child)
      const last = out().trim().split('\n').at(-1) ?? ''
      if (code === 0 && last.startsWith('{')) return resolve(JSON.parse(last).rows)
      const lines = err().trim().split('\n')
      const named = lines.find((line) => /^\w*Error\b/.test(line))
      const reason = named ?? (lines.slice(-4).join('\n') || last)
      reject(new Error(`${args.join(' ')} ended with ${code}: ${reason}`))
    })
  })
}

/** The text that a stream has given so far, its last 64 KB. @param {import('node:stream').Readable} stream */
function collected(stream) {
  let text = ''
  stream.setEncoding('utf8').on('data', (more) => {
    text = (text + more).slice(-65_536)
  })
  return () => text
}
