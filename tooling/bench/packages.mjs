// What the benchmarks share: built packages from a script that lies outside of them, and how results are handed on.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

/** One of ours, as built. */
export const load = (name) => import(new URL(`../../packages/${name}/dist/index.js`, import.meta.url).href)

/** A dependency, as one of the packages sees it. */
export async function bare(name, from = 'cli') {
  const require = createRequire(new URL(`../../packages/${from}/package.json`, import.meta.url))
  return import(pathToFileURL(require.resolve(name)).href)
}

export const quick = process.env.SELFSUP_QUICK === '1'

/** The engine to measure: the fastest, or SELFSUP_ENGINE. */
export async function prepared() {
  const { prepareEngine } = await load('engine')
  return prepareEngine({ engine: process.env.SELFSUP_ENGINE ?? 'auto' })
}

/** Highest resident memory of this process so far, in MB. */
export const peakMemory = () => process.resourceUsage().maxRSS / 1024

export const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1]

/** The last line of a benchmark's output, which bench.mjs reads. */
export const report = (engine, rows) => console.log(JSON.stringify({ engine: engine.description, rows }))
