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
  const task = { kind: 'step', images, workers: 2, times, syncBatchNorm: true }
  /** @param {readonly any[][]} results */
  const add = (results, /** @type {{ wall: number[], processor: number[] }} */ to) => {
    for (const [result] of results) {
      to.wall.push(...result.milliseconds)
      to.processor.push(...result.processor)
    }
  }
  /** @type {{ wall: number[], processor: number[] }} */
  const together = { wall: [], processor: [] }
  /** @type {{ wall: number[], processor: number[] }} */
  const alone = { wall: [], processor: [] }
  /** @type {{ wall: number[], processor: number[] }} */
  const ownStatistics = { wall: [], processor: [] }
  for (let round = 0; round < (quick ? 1 : 3); round++) {
    add(await run([{ tasks: [task] }, { tasks: [task] }]), alone)
    const addresses = await freeAddresses(2)
    add(await run(addresses.map((_, rank) => ({ addresses, rank, tasks: [task] }))), together)
    const own = { ...task, syncBatchNorm: false }
    add(await run(addresses.map((_, rank) => ({ addresses, rank, tasks: [own] }))), ownStatistics)
  }
  const share = (/** @type {'wall' | 'processor'} */ what, exchanging = together) =>
    100 * (1 - median(alone[what]) / median(exchanging[what]))
  const name = `SimCLR step, ResNet-18, ${images} images a worker, two workers`
  return [
    { case: name, value: median(together.wall), unit: 'ms' },
    { case: 'the same two processes without an exchange', value: median(alone.wall), unit: 'ms' },
    { case: 'share of a step spent on the exchange', value: share('wall'), unit: '%' },
    {
      case: 'the same, each worker with its own batch statistics',
      value: share('wall', ownStatistics),
      unit: '%',
    },
    { case: `${name}: processor time`, value: median(together.processor), unit: 'ms' },
    { case: 'share of the processor time spent on the exchange', value: share('processor'), unit: '%' },
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
