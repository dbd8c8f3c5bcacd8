// What an exchange between two workers costs: all-reduce against PyTorch's Gloo, and the share of a step spent waiting.
import { fileURLToPath } from 'node:url'
import { freeAddresses, output, run } from './distributed-parts.mjs'
import { median, quick } from './packages.mjs'
import { peersPython } from './peers.mjs'

/** @import { Row } from './built.js' */

/** @returns {Promise<Row[]>} */
export async function allReduce() {
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
export async function waiting() {
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
