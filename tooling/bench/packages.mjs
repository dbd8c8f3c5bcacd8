// Shared by the benchmarks: loading built packages from outside of them, and reporting results.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

/** Loads one of our packages, as built. */
export const load = (name) => import(new URL(`../../packages/${name}/dist/index.js`, import.meta.url).href)

/** Loads a dependency as resolved from one of our packages. */
export async function bare(name, from = 'cli') {
  const require = createRequire(new URL(`../../packages/${from}/package.json`, import.meta.url))
  return import(pathToFileURL(require.resolve(name)).href)
}

export const quick = process.env.SELFSUP_QUICK === '1'

/** The engine to measure: the fastest one, or SELFSUP_ENGINE. */
export async function prepared() {
  const { prepareEngine } = await load('engine')
  return prepareEngine({ engine: process.env.SELFSUP_ENGINE ?? 'auto' })
}

/** Peak resident memory of this process, in MB. */
export const peakMemory = () => process.resourceUsage().maxRSS / 1024

export const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1]

/** Prints the last line of a benchmark's output, which bench.mjs reads. */
export const report = (engine, rows) => console.log(JSON.stringify({ engine: engine.description, rows }))
