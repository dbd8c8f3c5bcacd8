// Whether several workers train the weights that one trains.
import { join } from 'node:path'
import { distance, freeAddresses, run } from './distributed-parts.mjs'

/** @import { Row } from './built.js' */

const STEPS = 20
/** Numbers of workers. A batch of 62 images is divided into 31 and 31, or into 16, 16, 15 and 15. */
const WORKERS = [2, 4]
/** The control: one worker whose batches have other orders of images. */
const ORDERS = [1, 2, 3, 4]

const outputs = 16
/**
 * All methods that several workers can train.
 * @type {Readonly<Record<string, { method: string, options: Record<string, number | string>, batchSize?: number, learningRate?: number }>>}
 */
const methods = {
  simclr: { method: 'simclr', options: { outputs } },
  'moco v2': { method: 'moco', options: { outputs, queue: 128, batchGroups: 4 }, batchSize: 64 },
  'moco v3': { method: 'moco', options: { version: 'v3', outputs } },
  byol: { method: 'byol', options: { outputs } },
  simsiam: { method: 'simsiam', options: { outputs } },
  'barlow-twins': { method: 'barlow-twins', options: { outputs }, learningRate: 1e-4 },
  vicreg: { method: 'vicreg', options: { outputs }, learningRate: 1e-4 },
  iic: { method: 'iic', options: { clusters: 10, overClusters: 20, subHeads: 2, repeats: 2 } },
  'metric-learning, supcon': {
    method: 'metric-learning',
    options: { labels: 'images', outputs, loss: 'supcon' },
  },
  'metric-learning, triplet': {
    method: 'metric-learning',
    options: { labels: 'images', outputs, loss: 'triplet' },
  },
}

/**
 * One worker against two and four with parts of the batch, and against itself with the images of each batch in another order. The
 * losses do not depend on that order, so the control shows what rounding alone does in as many steps.
 * @param {string} folder
 * @returns {Promise<Row[]>}
 */
export async function equality(folder) {
  const chosen = process.env.SELFSUP_DISTRIBUTED_METHODS?.split(';') ?? Object.keys(methods)
  const pathOf = (/** @type {string} */ place, /** @type {string} */ name, /** @type {number} */ steps) =>
    join(folder, place, `${name} ${steps}`)
  /** @param {string} place @param {number} steps @param {number} [order] */
  const tasks = (place, steps, order) =>
    chosen
      // In MoCo v2 the order decides which images are normalised together.
      .filter((name) => !order || name !== 'moco v2')
      .map((name) => ({
        kind: 'train',
        out: pathOf(place, name, steps),
        size: 8,
        images: 128,
        batchSize: 62,
        steps,
        learningRate: 1e-3,
        ...(order && { order }),
        ...methods[name],
      }))
  const both = (/** @type {string} */ place) => [...tasks(place, 1), ...tasks(place, STEPS)]
  const orders = ORDERS.flatMap((order) => tasks(`order ${order}`, STEPS, order))
  await run([{ tasks: [...both('one'), ...orders] }])
  for (const count of WORKERS) {
    const addresses = await freeAddresses(count)
    await run(addresses.map((_, rank) => ({ addresses, rank, tasks: both(String(count)) })))
  }
  /** @type {Row[]} */
  const rows = []
  for (const name of chosen) {
    const apart = (/** @type {string} */ place, /** @type {number} */ steps, /** @type {RegExp} */ which) =>
      distance(pathOf('one', name, steps), pathOf(place, name, steps), steps, which)
    const add = (/** @type {string} */ what, /** @type {number} */ value) =>
      rows.push({ case: `${name}, ${what}`, value, unit: 'relative' })
    for (const count of WORKERS) {
      add(`${count} workers: gradients of the first step`, await apart(String(count), 1, /^optimizer/))
      add(`${count} workers: weights after ${STEPS} steps`, await apart(String(count), STEPS, WEIGHTS))
    }
    if (name === 'moco v2') continue
    const controls = await Promise.all(ORDERS.map((order) => apart(`order ${order}`, STEPS, WEIGHTS)))
    add(
      `one worker, ${ORDERS.length} other orders: weights after ${STEPS} steps, least`,
      Math.min(...controls),
    )
    add(
      `one worker, ${ORDERS.length} other orders: weights after ${STEPS} steps, most`,
      Math.max(...controls),
    )
  }
  return rows
}

const WEIGHTS = /^(networks|parameters|state)/
