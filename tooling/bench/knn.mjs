// kNN, linear probe and k-means with 50,000 training features and 10,000 test features of 512 dimensions.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { featuresFolder, sizesOf } from './knn-features.mjs'
import { load, peakMemory, prepared, quick, report } from './packages.mjs'

const { knn, linearProbe, miniBatchKMeans } = await load('evaluation')
const engine = await prepared()
const folder = process.env.SELFSUP_FEATURES ?? featuresFolder(quick)
const { width } = sizesOf(quick)
/** @param {string} name */
const bytes = (name) => Uint8Array.from(readFileSync(join(folder, name))).buffer

/** @param {string} name */
function features(name) {
  const labels = new Int32Array(bytes(`${name}.i32`))
  const values = new Float32Array(bytes(`${name}.f32`))
  return { values, count: labels.length, width, labels, indices: Int32Array.from(labels.keys()) }
}

const [train, test] = [features('train'), features('test')]
const some = {
  ...test,
  values: test.values.subarray(0, 64 * width),
  count: 64,
  labels: test.labels.subarray(0, 64),
}
const rows = []
/**
 * @template Result
 * @param {string} name
 * @param {() => Promise<Result>} run
 * @param {() => Promise<unknown>} warmUp
 */
async function measure(name, run, warmUp) {
  await warmUp()
  const before = peakMemory()
  /** @type {number[]} */
  const times = []
  const once = async () => {
    const started = performance.now()
    const result = await run()
    times.push((performance.now() - started) / 1000)
    return result
  }
  if (!quick) await once()
  const result = await once()
  rows.push({ case: name, value: Math.min(...times), unit: 's' })
  return { result, memory: Math.max(1, peakMemory() - before) }
}

const neighbours = await measure(
  'kNN',
  () => knn(train, test, { k: 200, temperature: 0.07 }),
  () => knn(train, some, { k: 200 }),
)
rows.push({ case: 'kNN, accuracy', value: 100 * neighbours.result.accuracy, unit: '%' })
rows.push({ case: 'kNN, additional memory', value: neighbours.memory, unit: 'MB' })
const probe = await measure(
  'linear probe',
  () => linearProbe(train, test, { l2: [1e-3] }),
  () => linearProbe(some, some, { l2: [1e-3] }),
)
rows.push({ case: 'linear probe, accuracy', value: 100 * probe.result.accuracy, unit: '%' })
const clusters = 100
const clustering = await measure(
  'k-means, 100 clusters',
  () => miniBatchKMeans(train, { clusters }),
  () => miniBatchKMeans(some, { clusters: 2 }),
)
rows.push({
  case: 'k-means, inertia per point',
  value: clustering.result.inertia / train.count,
  unit: 'inertia',
})
report(engine, rows)
process.exit()
