// Shared by the benchmarks: loading built packages from outside of them, and reporting results.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

/** @import { Bare, Built, Row } from './built.js' */

/**
 * One of ours, as built.
 * @template {keyof Built} Name
 * @param {Name} name
 * @returns {Promise<Built[Name]>}
 */
export const load = (name) => import(new URL(`../../packages/${name}/dist/index.js`, import.meta.url).href)

/**
 * A dependency, as one of the packages sees it.
 * @template {keyof Bare} Name
 * @param {Name} name
 * @param {string} [from] the package's folder
 * @returns {Promise<Bare[Name]>}
 */
export async function bare(name, from = 'cli') {
  const require = createRequire(new URL(`../../packages/${from}/package.json`, import.meta.url))
  return import(pathToFileURL(require.resolve(name)).href)
}

export const quick = process.env.SELFSUP_QUICK === '1'

/** The engine to measure: the fastest one, or SELFSUP_ENGINE. */
export async function prepared() {
  const { prepareEngine } = await load('engine')
  const engine = /** @type {import('@selfsup/engine').EngineName | undefined} */ (process.env.SELFSUP_ENGINE)
  return prepareEngine({ engine: engine ?? 'auto' })
}

/** Peak resident memory of this process, in MB. */
export const peakMemory = () => process.resourceUsage().maxRSS / 1024

/** @param {readonly number[]} values */
export const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN

/**
 * A variable of the environment that a benchmark can't do without.
 * @param {string} name
 */
export function required(name) {
  const value = process.env[name]
  if (value === undefined) throw new Error(`this benchmark needs ${name}: start it by bench.mjs`)
  return value
}

/**
 * The last line of a benchmark's output, which bench.mjs reads.
 * @param {{ readonly description: string }} engine
 * @param {readonly Row[]} rows
 */
export const report = (engine, rows) => console.log(JSON.stringify({ engine: engine.description, rows }))
