// Shared by the parts of distributed.mjs: processes, ports, and the distance of two runs.
import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { load } from './packages.mjs'

const { readSafetensors } = await load('train')
const script = fileURLToPath(new URL('distributed-worker.mjs', import.meta.url))

/**
 * Distance of two runs' values, relative to their length.
 * @param {string} one
 * @param {string} other
 * @param {number} step
 * @param {RegExp} which
 */
export async function distance(one, other, step, which) {
  const name = join('checkpoints', `step-${String(step).padStart(8, '0')}.safetensors`)
  const [a, b] = [await readSafetensors(join(one, name)), await readSafetensors(join(other, name))]
  let [apart, length] = [0, 0]
  for (const [name, { values }] of Object.entries(a.tensors)) {
    if (!which.test(name)) continue
    const others = b.tensors[name]?.values ?? []
    for (const [i, value] of values.entries()) {
      apart += (value - (others[i] ?? Number.NaN)) ** 2
      length += value ** 2
    }
  }
  return Math.sqrt(apart / length)
}

/**
 * Runs workers at the same time.
 * @param {readonly object[]} jobs
 * @param {Record<string, string>} [env]
 * @returns {Promise<any[][]>} what each printed
 */
export async function run(jobs, env = {}) {
  const texts = await Promise.all(
    jobs.map((job) => output(process.execPath, [script, JSON.stringify(job)], env)),
  )
  return texts.map((text) =>
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  )
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {Record<string, string>} [env]
 * @returns {Promise<string>}
 */
export function output(command, args, env = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    })
    let text = ''
    child.stdout.on('data', (chunk) => {
      text += chunk
    })
    child.on('error', reject)
    child.on('close', (code) =>
      code === 0 ? resolve(text) : reject(new Error(`${command} failed: ${code}`)),
    )
  })
}

/** @param {number} count */
export async function freeAddresses(count) {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        /** @type {Promise<import('node:net').Server>} */ (
          new Promise((resolve) => {
            const server = createServer().listen(0, '127.0.0.1', () => resolve(server))
          })
        ),
    ),
  )
  return servers.map((server) => {
    const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
    server.close()
    return `127.0.0.1:${port}`
  })
}
