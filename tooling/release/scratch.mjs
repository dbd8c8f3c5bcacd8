import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set()

/**
 * Makes a folder that is removed when this process ends. Ctrl-C, or a signal to end, first ends the programs that `run`
 * started, since they may still write into the folder.
 *
 * @param {string} name what the folder's name begins with
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
 * @returns {Promise<{ ok: boolean, stdout: string, text: string }>} whether it ended with 0, what it wrote to standard
 *   output, and that with what it wrote to standard error
 */
export function run(command, args, { cwd, env = process.env }) {
  return new Promise((resolve, reject) => {
    // A group of its own, so that the programs that it starts end with it.
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
 * @returns {Promise<void>} resolves when the child and all that it started have ended
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
