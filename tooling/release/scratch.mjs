import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set()

/**
 * Creates a temporary folder that is removed when this process ends. Ctrl-C and SIGTERM first end the programs that `run`
 * started, because they may still write to the folder.
 *
 * @param {string} name prefix of the folder's name
 */
export function scratchFolder(name) {
  const folder = mkdtempSync(join(tmpdir(), `${name}-`))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  /** @param {number} code */
  const stop = async (code) => {
    await Promise.all([...running].map(kill))
    process.exit(code)
  }
  process.once('SIGINT', () => stop(130))
  process.once('SIGTERM', () => stop(143))
  return folder
}

/**
 * Runs a program to its end.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd: string, env?: NodeJS.ProcessEnv }} options
 * @returns {Promise<{ ok: boolean, stdout: string, text: string }>} whether its exit code is 0, its standard output, and
 *   its standard output and error together
 */
export function run(command, args, { cwd, env = process.env }) {
  return new Promise((resolve, reject) => {
    // A process group of its own, so that the programs that it starts end with it.
    const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    running.add(child)
    let [stdout, text] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (part) => {
      stdout += part
      text += part
    })
    child.stderr.setEncoding('utf8').on('data', (part) => {
      text += part
    })
    child.on('error', reject)
    child.on('close', (code) => {
      running.delete(child)
      resolve({ ok: code === 0, stdout, text: text.trim() })
    })
  })
}

/**
 * @param {import('node:child_process').ChildProcess} child
 * @returns {Promise<void>} resolves when the child and the programs that it started have ended
 */
function kill(child) {
  return new Promise((resolve) => {
    child.once('close', () => resolve())
    try {
      process.kill(-(child.pid ?? Number.NaN), 'SIGKILL')
    } catch {
      resolve()
    }
  })
}
