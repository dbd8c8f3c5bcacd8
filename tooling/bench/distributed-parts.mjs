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
  const [a, b] = [await checkpoint(one, step), await checkpoint(other, step)]
  let [apart, length] = [0, 0]
  for (const [name, { values }] of Object.entries(a)) {
    if (!which.test(name)) continue
    const others = b[name]?.values ?? []
    for (const [i, value] of values.entries()) {
      apart += (value - (others[i] ?? Number.NaN)) ** 2
      length += value ** 2
    }
  }
  return Math.sqrt(apart / length)
}

/**
 * Like `distance`, of the variable whose values are farthest apart. Values far below those of all variables together are rounding of
 * what is 0, such as the gradient of a bias before batch normalisation: they count relative to 1/1000 of the typical value.
 * @param {string} one
 * @param {string} other
 * @param {number} step
 * @param {RegExp} which
 */
export async function farthest(one, other, step, which) {
  const [a, b] = [await checkpoint(one, step), await checkpoint(other, step)]
  const all = Object.entries(a).filter(([name]) => which.test(name))
  const squares = (/** @type {ArrayLike<number>} */ values) =>
    Array.from(values).reduce((sum, value) => sum + value ** 2, 0)
  const count = all.reduce((sum, [, { values }]) => sum + values.length, 0)
  const typical = Math.sqrt(all.reduce((sum, [, { values }]) => sum + squares(values), 0) / count)
  const distances = all.map(([name, { values }]) => {
    const others = b[name]?.values ?? []
    const apart = Math.sqrt(squares(Array.from(values, (value, i) => value - (others[i] ?? Number.NaN))))
    return apart / Math.max(Math.sqrt(squares(values)), 1e-3 * typical * Math.sqrt(values.length))
  })
  return Math.max(...distances)
}

/** @param {string} out @param {number} step */
async function checkpoint(out, step) {
  const name = join('checkpoints', `step-${String(step).padStart(8, '0')}.safetensors`)
  return (await readSafetensors(join(out, name))).tensors
}

/**
 * Runs workers at the same time.
 * @param {readonly object[]} jobs
 * @param {Record<string, string>} [env]
 * @param {readonly string[]} [nodeArgs] arguments of Node
 * @returns {Promise<any[][]>} what each printed
 */
export async function run(jobs, env = {}, nodeArgs = []) {
  const texts = await Promise.all(
    jobs.map((job) => output(process.execPath, [...nodeArgs, script, JSON.stringify(job)], env)),
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
