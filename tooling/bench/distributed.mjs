// Several workers on this machine: equality with one worker, all-reduce against PyTorch's Gloo, and time spent waiting.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { load, median, quick } from './packages.mjs'
import { peersPython } from './peers.mjs'

/** @import { Row } from './built.js' */

const { readSafetensors } = await load('train')
const script = fileURLToPath(new URL('distributed-worker.mjs', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'selfsup-distributed-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

/** @type {Row[]} */
const rows = []
const parts = process.env.SELFSUP_DISTRIBUTED?.split(',') ?? ['equal', 'all-reduce', 'step']
if (parts.includes('equal')) for (const row of await equality()) rows.push(row)
if (parts.includes('all-reduce')) for (const row of await allReduce()) rows.push(row)
if (parts.includes('step')) for (const row of await waiting()) rows.push(row)
console.log(JSON.stringify({ rows }))

/**
 * Every two-view method: 20 steps of one worker and of two and four with parts of the batch. Four workers have parts of 16, 16, 15
 * and 15 images. The control is one worker with other convolution kernels, whose results differ by rounding alone.
 * @returns {Promise<Row[]>}
 */
async function equality() {
  const outputs = 16
  /** @type {Record<string, { method: string, options: Record<string, number | string>, batchSize?: number, learningRate?: number }>} */
  const methods = {
    simclr: { method: 'simclr', options: { outputs } },
    'moco v2': { method: 'moco', options: { outputs, queue: 128 }, batchSize: 64 },
    'moco v3': { method: 'moco', options: { version: 'v3', outputs } },
    byol: { method: 'byol', options: { outputs } },
    simsiam: { method: 'simsiam', options: { outputs } },
    'barlow-twins': { method: 'barlow-twins', options: { outputs }, learningRate: 1e-4 },
    vicreg: { method: 'vicreg', options: { outputs }, learningRate: 1e-4 },
    iic: { method: 'iic', options: { clusters: 10, overClusters: 20, subHeads: 2, repeats: 2 } },
    'metric-learning': { method: 'metric-learning', options: { labels: 'images', outputs, loss: 'supcon' } },
  }
  const names = Object.keys(methods)
  /** @param {string} place */
  const tasks = (place) =>
    names.map((name) => ({
      kind: 'train',
      out: join(folder, place, name),
      size: 8,
      images: 128,
      batchSize: 62,
      steps: 20,
      learningRate: 1e-3,
      ...methods[name],
    }))
  await run([{ tasks: tasks('one') }])
  await run([{ tasks: tasks('control') }], { SELFSUP_CONVOLUTIONS: '0', TF_ENABLE_ONEDNN_OPTS: '0' })
  for (const count of [2, 4]) {
    const addresses = await freeAddresses(count)
    await run(addresses.map((_, rank) => ({ addresses, rank, tasks: tasks(String(count)) })))
  }
  /** @type {Row[]} */
  const rows = []
  for (const name of names) {
    for (const place of ['control', '2', '4']) {
      const who = place === 'control' ? 'one worker, other kernels' : `${place} workers`
      const at = async (/** @type {number} */ step, /** @type {RegExp} */ which) =>
        distance(join(folder, 'one', name), join(folder, place, name), step, which)
      rows.push({
        case: `${name}, ${who}: gradients of the first step`,
        value: await at(1, /^optimizer/),
        unit: 'relative',
      })
      rows.push({
        case: `${name}, ${who}: weights after 20 steps`,
        value: await at(20, /^(networks|parameters|state)/),
        unit: 'relative',
      })
    }
  }
  return rows
}

/**
 * Distance of two runs' values, relative to their length.
 * @param {string} one
 * @param {string} other
 * @param {number} step
 * @param {RegExp} which
 */
async function distance(one, other, step, which) {
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

/** @returns {Promise<Row[]>} */
async function allReduce() {
  const values = 11_000_000
  const times = quick ? 3 : 10
  /** @type {number[]} */
  const ours = []
  /** @type {number[]} */
  const peers = []
  const python = peersPython()
  // In turns, so that other programs slow both down alike.
  for (let round = 0; round < (quick ? 1 : 3); round++) {
    const addresses = await freeAddresses(2)
    const tasks = [{ kind: 'all-reduce', values, times }]
    const results = await run(addresses.map((_, rank) => ({ addresses, rank, tasks })))
    ours.push(...timesOf(results[0]))
    if (!python) continue
    const [port] = (await freeAddresses(1)).map((address) => address.split(':')[1])
    const gloo = fileURLToPath(new URL('distributed-gloo.py', import.meta.url))
    const outputs = await Promise.all(
      ['0', '1'].map((rank) => output(python, [gloo, rank, port ?? '', String(values), String(times)])),
    )
    peers.push(...JSON.parse(outputs[0] ?? '').milliseconds)
  }
  const rows = [{ case: 'all-reduce of 11 million float32, two workers', value: median(ours), unit: 'ms' }]
  if (peers.length === 0) return rows
  return [
    ...rows,
    { case: 'the same with PyTorch’s Gloo', value: median(peers), unit: 'ms' },
    { case: 'speed relative to Gloo', value: median(peers) / median(ours), unit: 'x' },
  ]
}

/**
 * Two workers of one thread each, ResNet-18 at 32 pixels. Without the exchange: the same two processes at the same time, alone.
 * @returns {Promise<Row[]>}
 */
async function waiting() {
  const images = 64
  const times = quick ? 3 : 8
  const task = { kind: 'step', images, workers: 2, times }
  /** @type {number[]} */
  const together = []
  /** @type {number[]} */
  const alone = []
  for (let round = 0; round < (quick ? 1 : 3); round++) {
    for (const result of await run([{ tasks: [task] }, { tasks: [task] }])) alone.push(...timesOf(result))
    const addresses = await freeAddresses(2)
    for (const result of await run(addresses.map((_, rank) => ({ addresses, rank, tasks: [task] }))))
      together.push(...timesOf(result))
  }
  const [with_, without] = [median(together), median(alone)]
  return [
    { case: `SimCLR step, ResNet-18, ${images} images a worker, two workers`, value: with_, unit: 'ms' },
    { case: 'the same two processes without an exchange', value: without, unit: 'ms' },
    { case: 'share of a step spent on the exchange', value: 100 * (1 - without / with_), unit: '%' },
  ]
}

/**
 * The times that a worker measured.
 * @param {any[] | undefined} results
 * @returns {number[]}
 */
function timesOf(results) {
  return results?.[0].milliseconds
}

/**
 * Runs workers at the same time.
 * @param {readonly object[]} jobs
 * @param {Record<string, string>} [env]
 * @returns {Promise<any[][]>} what each printed
 */
async function run(jobs, env = {}) {
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
function output(command, args, env = {}) {
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
async function freeAddresses(count) {
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
