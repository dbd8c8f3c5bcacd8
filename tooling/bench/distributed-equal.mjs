// Whether several workers train the weights that one trains.
import { join } from 'node:path'
import { distance, farthest, freeAddresses, run } from './distributed-parts.mjs'

/** @import { Row } from './built.js' */

const STEPS = 20
/** Numbers of workers. A batch of 62 images is divided into 31 and 31, or into 16, 16, 15 and 15. */
const WORKERS = [2, 4]
/** The control: one worker whose batches have other orders of images. */
const ORDERS = [1, 2, 3]
/** Seeds of the first step, each with other images and views. */
const SEEDS = [7, 8]

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

const wanted = process.env.SELFSUP_DISTRIBUTED_METHODS?.split(';')
const chosen = wanted ?? Object.keys(methods)
/** NT-Xent and a regression. */
const forTeeth = wanted ?? ['simclr', 'byol']

/**
 * What is trained: one step with each of several seeds; 20 steps; 20 steps of a network without kinks.
 * @typedef {'first' | 'full' | 'smooth'} Kind
 */

/** @param {string} folder @param {string} place @param {string} name @param {Kind} kind @param {number} [seed] */
const pathOf = (folder, place, name, kind, seed = SEEDS[0]) => join(folder, place, `${name} ${kind} ${seed}`)

/**
 * @param {string} folder
 * @param {string} place
 * @param {Kind} kind
 * @param {number} [order]
 * @param {readonly string[]} [methodNames]
 */
function tasks(folder, place, kind, order, methodNames = chosen) {
  return (
    methodNames
      // In MoCo v2 the order decides which images are normalised together.
      .filter((name) => !order || name !== 'moco v2')
      .flatMap((name) =>
        (kind === 'first' ? SEEDS : SEEDS.slice(0, 1)).map((seed) => ({
          kind: 'train',
          ...{ size: 8, images: 128, batchSize: 62, learningRate: 1e-3, ...methods[name] },
          out: pathOf(folder, place, name, kind, seed),
          steps: kind === 'first' ? 1 : STEPS,
          seed,
          ...(order && { order }),
        })),
      )
  )
}

/** Softplus instead of ReLU. */
const smooth = replacing(
  /packages\/kernels\/dist\//,
  /function batchNorm\(/,
  `function batchNorm(x, gamma, beta, options = {}) {
    const result = rectifiedBatchNorm(x, gamma, beta, { ...options, rectify: false });
    return options.rectify ? { ...result, y: TF.softplus(result.y) } : result;
  }
  function rectifiedBatchNorm(`,
)

/**
 * Trains with several workers.
 * @param {string} folder
 * @param {string} place
 * @param {Kind} kind
 * @param {number} count
 * @param {readonly string[]} [nodeArgs]
 * @param {readonly string[]} [methodNames]
 */
async function trainTogether(folder, place, kind, count, nodeArgs, methodNames) {
  const addresses = await freeAddresses(count)
  const jobs = addresses.map((_, rank) => ({
    addresses,
    rank,
    tasks: tasks(folder, place, kind, undefined, methodNames),
  }))
  await run(jobs, {}, nodeArgs)
}

/**
 * One worker against two and four with parts of the batch, and against itself with the images of each batch in another order. The
 * losses do not depend on that order, so the control shows what rounding alone does in as many steps.
 *
 * Rounding grows from step to step, because a value near the kink of a ReLU can fall on the other side. So what the workers compute is
 * also compared where this does not happen: in the gradients of the first step, and in 20 steps of a network with softplus instead of
 * ReLU. A gradient that is wrong by 1 % shows in both, see `teeth`.
 * @param {string} folder
 * @returns {Promise<Row[]>}
 */
export async function equality(folder) {
  for (const kind of KINDS) {
    const nodeArgs = kind === 'smooth' ? smooth : []
    const orders =
      kind === 'first' ? [] : ORDERS.flatMap((order) => tasks(folder, `order ${order}`, kind, order))
    await run([{ tasks: [...tasks(folder, 'one', kind), ...orders] }], {}, nodeArgs)
    for (const count of WORKERS) await trainTogether(folder, String(count), kind, count, nodeArgs)
  }
  /** @type {Row[]} */
  const rows = []
  for (const name of chosen) {
    const add = (/** @type {string} */ what, /** @type {number} */ value) =>
      rows.push({ case: `${name}, ${what}`, value, unit: 'relative' })
    for (const count of WORKERS) {
      const compared = await compare(folder, name, String(count), KINDS)
      for (const [what, value] of Object.entries(compared)) add(`${count} workers: ${what}`, value)
    }
    if (name === 'moco v2') continue
    const controls = await Promise.all(
      ORDERS.map((order) => compare(folder, name, `order ${order}`, ['full', 'smooth'])),
    )
    for (const what of Object.keys(controls[0] ?? {})) {
      const values = controls.map((control) => control[what] ?? Number.NaN)
      add(`one worker, other orders, least: ${what}`, Math.min(...values))
      add(`one worker, other orders, most: ${what}`, Math.max(...values))
    }
  }
  return rows
}

/** @type {readonly Kind[]} */
const KINDS = ['first', 'smooth', 'full']
const WEIGHTS = /^(networks|parameters|state)/
const GRADIENTS = /^optimizer/
const STATISTICS = /moving/

/**
 * Distances of a run from that of one worker.
 * @param {string} folder
 * @param {string} name
 * @param {string} place
 * @param {readonly Kind[]} kinds
 * @returns {Promise<Record<string, number>>}
 */
async function compare(folder, name, place, kinds) {
  /** @param {Kind} kind @param {typeof distance} measure @param {RegExp} which @param {number} [seed] */
  const apart = (kind, measure, which, seed) =>
    measure(
      pathOf(folder, 'one', name, kind, seed),
      pathOf(folder, place, name, kind, seed),
      kind === 'first' ? 1 : STEPS,
      which,
    )
  /** @param {typeof distance} measure @param {RegExp} which */
  const first = async (measure, which) =>
    Math.max(...(await Promise.all(SEEDS.map((seed) => apart('first', measure, which, seed)))))
  /** @type {Record<string, number>} */
  const distances = {}
  if (kinds.includes('first')) {
    distances[FIRST] = await first(distance, GRADIENTS)
    distances['running statistics after the first step, farthest variable'] = await first(
      farthest,
      STATISTICS,
    )
  }
  if (kinds.includes('smooth')) distances[SMOOTH] = await apart('smooth', distance, WEIGHTS)
  if (kinds.includes('full'))
    distances[`weights after ${STEPS} steps`] = await apart('full', distance, WEIGHTS)
  return distances
}

const FIRST = 'gradients of the first step'
const SMOOTH = `weights after ${STEPS} steps with softplus`

/**
 * Mistakes of 1 % in what workers exchange: in the built package `kernels`, the text that is replaced.
 * @type {Readonly<Record<string, readonly [from: RegExp, to: string]>>}
 */
const mistakes = {
  'gradient of the gathered rows': [
    /(\.mul\(\w+\.slice\(dy, begin, x\.shape\), rows\.length)\)/,
    '$1 * 1.01)',
  ],
  'the same on worker 1 only': [
    /(\.mul\(\w+\.slice\(dy, begin, x\.shape\), rows\.length)\)/,
    '$1 * (rank === 1 ? 1.01 : 1))',
  ],
  'gathered rows of worker 1': [
    /missing === 0 \? x : (\w+)\.concat/,
    'missing === 0 ? (current.rank === 1 ? $1.add(x, 0.01) : x) : $1.concat',
  ],
  'sums of the gradients of batch normalisation': [
    /allReduce\((\w+)\.stack\((\[sums, \w+\])\), workers\)/,
    '$1.mul(allReduce($1.stack($2), workers), 1.01)',
  ],
  'variance between workers': [/(\w+)\.add\(within, between\)/, '$1.add(within, $1.mul(between, 0))'],
}

/**
 * What the distances of `equality` are when the workers compute something wrong: a mistake must be at least 100 times as far away as the
 * right computation.
 * @param {string} folder
 * @returns {Promise<Row[]>}
 * @throws Error if a mistake is not found
 */
export async function teeth(folder) {
  /** @type {readonly Kind[]} */
  const kinds = ['first', 'smooth']
  for (const kind of kinds)
    await run(
      [{ tasks: tasks(folder, 'one', kind, undefined, forTeeth) }],
      {},
      kind === 'smooth' ? smooth : [],
    )
  /** @type {Row[]} */
  const rows = []
  /** @type {Map<string, number>} */
  const right = new Map()
  /** @type {(readonly [string, (readonly [RegExp, string])?])[]} */
  const all = [['none'], ...Object.entries(mistakes)]
  for (const [mistake, replacement] of all) {
    const wrong = replacement ? replacing(/packages\/kernels\/dist\//, ...replacement) : []
    for (const kind of kinds)
      await trainTogether(
        folder,
        mistake,
        kind,
        2,
        kind === 'smooth' ? [...smooth, ...wrong] : wrong,
        forTeeth,
      )
    for (const name of forTeeth) {
      const compared = await compare(folder, name, mistake, kinds)
      for (const [what, value] of Object.entries(compared)) {
        if (what !== FIRST && what !== SMOOTH) continue
        rows.push({ case: `${name}, mistake in ${mistake}: ${what}`, value, unit: 'relative' })
        const key = `${name}, ${what}`
        if (!replacement) right.set(key, value)
        else if (!(value > 100 * (right.get(key) ?? Number.NaN)))
          throw new Error(`${key}: the mistake in ${mistake} is not found: ${value}`)
      }
    }
  }
  return rows
}

/**
 * Arguments of Node that replace a text in modules as they are loaded. `TF` in the new text is the module's name of TensorFlow.js.
 * @param {RegExp} modules
 * @param {RegExp} from
 * @param {string} to
 * @returns {string[]}
 */
export function replacing(modules, from, to) {
  const hooks = `
    export async function load(url, context, next) {
      const loaded = await next(url, context)
      if (!${modules}.test(url) || url.endsWith('.json')) return loaded
      const text = String(loaded.source)
      const tf = /import \\* as (\\w+) from ["']@tensorflow\\/tfjs-core["']/.exec(text)?.[1]
      const changed = text.replace(${from}, ${JSON.stringify(to)}.replaceAll('TF', tf))
      return { ...loaded, source: changed }
    }`
  const asUrl = (/** @type {string} */ text) => `data:text/javascript,${encodeURIComponent(text)}`
  const start = `import { register } from 'node:module'; register(${JSON.stringify(asUrl(hooks))})`
  return ['--import', asUrl(start)]
}
