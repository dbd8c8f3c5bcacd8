/** @import { MeasuredMethod } from './measured-method.mjs' */
// Every method on all of CIFAR-10 with the four-layer ConvNet: three epochs with lightly's settings, three at several batch sizes, and ten
// epochs compared with random weights and supervised training. Results are saved in .cache/bench-methods, so that the benchmark, which
// takes hours, can be interrupted and resumed; delete it to start again. SELFSUP_PART=three,batches,ten runs only those parts,
// SELFSUP_METHODS=byol,iic only those methods; saved results are always shown.
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { lineChart } from './line-chart.mjs'
import { measuredMethod, measuredSupervised } from './measured-method.mjs'
import { batchSizes, tenEpochs, threeEpochs } from './method-settings.mjs'
import { prepared, quick, report } from './packages.mjs'

const parts = process.env.SELFSUP_PART?.split(',')
const only = process.env.SELFSUP_METHODS?.split(',')
/** @type {import('./built.js').Row[]} */
const rows = []
/** @type {(title: string, part: number) => void} */
const percent = (title, part) => {
  rows.push({ case: title, value: 100 * part, unit: '%' })
}

/**
 * Cases of a part with their results; cases that are not requested are included if they are saved.
 * @template Settings
 * @param {string} part
 * @param {Readonly<Record<string, Settings>>} cases
 * @param {(name: string, settings: Settings, asked: boolean) => Promise<MeasuredMethod | undefined>} measure
 * @returns {AsyncGenerator<[name: string, result: MeasuredMethod, settings: Settings]>}
 */
async function* results(part, cases, measure) {
  for (const [name, settings] of Object.entries(cases)) {
    const asked = (!parts || parts.includes(part)) && (!only || only.includes(name.split(',')[0] ?? name))
    const result = await measure(name, settings, asked)
    if (result) yield [name, result, settings]
  }
}

/** float32 is compared with lightly in float32, mixed precision with lightly under autocast. */
async function three() {
  /** @typedef {typeof threeEpochs.simclr & { precision: 'float32' | 'mixed' }} InPrecision */
  /** @type {(name: string, settings: InPrecision, asked: boolean) => Promise<MeasuredMethod | undefined>} */
  const measure = (name, settings, asked) =>
    measuredMethod(name, { ...settings, epochs: quick ? 1 : 3, asked })
  const cases = Object.fromEntries(
    Object.entries(threeEpochs).flatMap(([name, settings]) =>
      /** @type {const} */ (['float32', 'mixed']).map((precision) => [
        `${name}, ${precision}`,
        { ...settings, precision },
      ]),
    ),
  )
  for await (const [name, { results: evaluated, seconds }] of results('three', cases, measure)) {
    percent(`${name}, 3 epochs: kNN`, evaluated[0]?.knn ?? Number.NaN)
    rows.push({ case: `${name}, 3 epochs: training`, value: seconds, unit: 's' })
  }
}

async function batches() {
  /** @type {(title: string, settings: typeof batchSizes[string], asked: boolean) => Promise<MeasuredMethod | undefined>} */
  const measure = (title, { name, batch }, asked) =>
    measuredMethod(title, { ...threeEpochs[name], batch, epochs: quick ? 1 : 3, asked })
  /** @type {Record<string, [x: number, y: number][]>} */
  const lines = {}
  for await (const [title, { results: evaluated }, { name, batch }] of results(
    'batches',
    batchSizes,
    measure,
  )) {
    const knn = evaluated[0]?.knn ?? Number.NaN
    percent(`${title}: kNN`, knn)
    lines[name] = [...(lines[name] ?? []), [batch, 100 * knn]]
  }
  if (quick || Object.keys(lines).length === 0) return
  const chart = lineChart({
    title: 'Batch sizes: kNN on CIFAR-10 after three epochs',
    x: { label: 'images a batch', logarithmic: true },
    y: { label: 'kNN accuracy, %' },
    series: Object.entries(lines).map(([name, points]) => ({ name, points })),
  })
  writeFileSync(fileURLToPath(new URL('charts/batch-sizes.svg', import.meta.url)), chart)
}

/** Methods after which baselines are shown, with their labels: one for methods that take images, one for IIC's edge input. */
/** @type {Readonly<Record<string, Readonly<Record<string, string>>>>} */
const baselines = {
  simclr: { 'random weights': 'random weights', 'raw pixels': 'raw pixels' },
  iic: { 'random weights': 'random weights, input of iic' },
}

async function ten() {
  const epochs = quick ? 2 : 10
  /** @type {(name: string, settings: typeof tenEpochs.simclr | undefined, asked: boolean) => Promise<MeasuredMethod | undefined>} */
  const measure = (name, settings, asked) =>
    settings === undefined
      ? measuredSupervised({ epochs, asked })
      : measuredMethod(name, { ...settings, epochs, baselines: name in baselines, asked })
  const cases = { ...tenEpochs, supervised: undefined }
  for await (const [name, { results: evaluated, seconds, peak, spread }] of results('ten', cases, measure)) {
    for (const [i, { features, knn, linear, classifier }] of evaluated.entries()) {
      const of = i === 0 ? name : baselines[name]?.[features]
      if (!of) continue
      percent(`${of}: kNN`, knn)
      percent(`${of}: linear probe`, linear)
      if (classifier !== undefined) percent(`${of}: its classifier`, classifier)
    }
    rows.push({ case: `${name}: training`, value: seconds, unit: 's' })
    rows.push({ case: `${name}: peak memory`, value: peak, unit: 'MB' })
    if (spread !== undefined) rows.push({ case: `${name}: spread at the end`, value: spread, unit: 'of 1' })
  }
}

mkdirSync(fileURLToPath(new URL('charts', import.meta.url)), { recursive: true })
await three()
await batches()
await ten()
report(await prepared(), rows)
process.exit()
