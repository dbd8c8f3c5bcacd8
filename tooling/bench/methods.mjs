// Every method on all of CIFAR-10 with the four-layer ConvNet, by the command line: kNN, linear probe, time, memory,
// collapse signal; ten epochs, and three with lightly's settings. What is measured is kept in .cache/bench-methods, so
// that a benchmark of hours may be stopped and go on: delete it to begin anew. SELFSUP_METHODS=byol,iic does only those.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { tenEpochs, threeEpochs } from './method-settings.mjs'
import { prepared, quick, report } from './packages.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const kept = join(here, '../../.cache/bench-methods', quick ? 'quick' : 'full')
const program = join(here, '../../packages/cli/dist/bin.js')
const folder = process.env.SELFSUP_CIFAR10
const only = process.env.SELFSUP_METHODS?.split(',')

/** Runs the command line; its standard output, and its peak memory in MB. */
function selfsup(...args) {
  const memory = join(kept, `peak-${process.pid}`)
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    env: {
      ...process.env,
      SELFSUP_PEAK_MEMORY: memory,
      NODE_OPTIONS: `--import=${pathToFileURL(join(here, 'report-peak-memory.mjs')).href}`,
    },
  })
  if (status !== 0) throw new Error(`selfsup ${args.join(' ')}: ${stderr.trim().split('\n').at(-1)}`)
  const peak = Number(readFileSync(memory, 'utf8'))
  rmSync(memory)
  return { stdout, peak }
}

/** One method, trained and judged, or what is kept of that. */
function measured(name, epochs, { method, flags }, baselines) {
  const file = join(kept, `${name.replaceAll(/\W+/g, '-')}-${epochs}.json`)
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'))
  const run = join(kept, `run-${name.replaceAll(/\W+/g, '-')}-${epochs}`)
  rmSync(run, { recursive: true, force: true })
  const [train, test] = ['train', 'test'].map((split) => join(folder, split))
  const started = performance.now()
  const { stdout, peak } = selfsup(
    ...['pretrain', method, train, '--out', run, '--json', '--backbone', 'convnet', '--size', '32'],
    ...['--epochs', `${epochs}`, '--batch', '256', '--seed', '1', '--checkpoint-every', '100000', ...flags],
  )
  const seconds = (performance.now() - started) / 1000
  const steps = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const last = steps.filter(({ event }) => event === 'step').at(-1)
  const judged = JSON.parse(
    selfsup('evaluate', run, train, test, '--json', ...(baselines ? ['--baselines'] : [])).stdout,
  )
  const result = {
    command: `selfsup pretrain ${method} ${flags.join(' ')}`,
    seconds,
    peak,
    spread: last.spread,
    results: judged.results,
  }
  writeFileSync(file, JSON.stringify(result, undefined, 2))
  rmSync(run, { recursive: true })
  console.error(`${name}, ${epochs} epochs: ${JSON.stringify(judged.results[0])}, ${seconds.toFixed(0)} s`)
  return result
}

mkdirSync(kept, { recursive: true })
const rows = []
const wanted = (cases) => Object.entries(cases).filter(([name]) => !only || only.includes(name))
for (const [name, settings] of wanted(threeEpochs)) {
  const { results, seconds } = measured(name, quick ? 1 : 3, settings, false)
  rows.push({ case: `${name}, 3 epochs: kNN`, value: 100 * results[0].knn, unit: '%' })
  rows.push({ case: `${name}, 3 epochs: training`, value: seconds, unit: 's' })
}
for (const [name, settings] of wanted(tenEpochs)) {
  const baselines = name === 'simclr'
  const { results, seconds, peak, spread } = measured(name, quick ? 2 : 10, settings, baselines)
  for (const [i, judged] of results.entries()) {
    const of = i === 0 ? name : judged.features
    rows.push({ case: `${of}: kNN`, value: 100 * judged.knn, unit: '%' })
    rows.push({ case: `${of}: linear probe`, value: 100 * judged.linear, unit: '%' })
  }
  rows.push({ case: `${name}: training`, value: seconds, unit: 's' })
  rows.push({ case: `${name}: peak memory`, value: peak, unit: 'MB' })
  if (spread !== undefined) rows.push({ case: `${name}: spread at the end`, value: spread, unit: 'of 1' })
}
report(await prepared(), rows)
process.exit()
