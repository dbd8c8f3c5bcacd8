// An index of 100,000 images' features (256 each, in clusters): creation, queries, updates, and recall of approximate queries against exact
// ones.
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { load, peakMemory, prepared, quick, report } from './packages.mjs'

const { normals, uniforms } = await load('core')
const { nearDuplicates, openImageIndex, updateIndex } = await load('retrieval')
const engine = await prepared()
const scratch = mkdtempSync(join(tmpdir(), 'selfsup-index-'))

const [count, width, clusters, queries, k] = [quick ? 10_000 : 100_000, 256, 1000, quick ? 50 : 300, 10]
const approximateFrom = quick ? 5000 : undefined // the default for the full benchmark
const centres = normals([1, 1], clusters * width)

/**
 * Features of images by their numbers; those from `count` on are queries.
 * @param {ArrayLike<number> & Iterable<number>} numbers
 */
function featuresOf(numbers) {
  const values = new Float32Array(numbers.length * width)
  for (const [row, number] of [...numbers].entries()) {
    const [draw = 0] = uniforms([2, number], 1)
    const centre = Math.floor(draw * clusters) * width
    const own = normals([3, number], width)
    for (let f = 0; f < width; f++) values[row * width + f] = (centres[centre + f] ?? 0) + 0.7 * (own[f] ?? 0)
  }
  return values
}

/** @param {number} images */
const listing = (images) => ({
  count: images,
  source: '/images',
  /** @param {number} image */
  pathOf: (image) => `/images/${image}.jpg`,
  stampOf: () => '1',
})
/** @param {Uint32Array} numbers */
const embed = async (numbers) => ({ images: numbers, values: featuresOf(numbers), width })
/**
 * @template Result
 * @param {() => Promise<Result>} work
 * @returns {Promise<[seconds: number, result: Result]>}
 */
const seconds = async (work) => {
  const start = performance.now()
  const result = await work()
  return [(performance.now() - start) / 1000, result]
}
/** @param {string} folder */
const bytesOf = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, path, name }) => sum + statSync(join(parentPath ?? path, name)).size, 0)

/**
 * Sorted times of the queries in milliseconds, and their results.
 * @param {import('@selfsup/retrieval').ImageIndex} index
 * @param {import('@selfsup/retrieval').SearchOptions} options
 */
async function ask(index, options) {
  const times = []
  const found = []
  for (let i = 0; i < queries; i++) {
    const query = featuresOf([1e7 + i])
    const [time, neighbours] = await seconds(() => index.nearest(query, { k, ...options }))
    times.push(1000 * time)
    found.push(neighbours.map(({ path }) => path))
  }
  return { times: times.sort((a, b) => a - b), found }
}

try {
  const index = await openImageIndex(scratch, { weights: 'made' }, { approximateFrom })
  const [making] = await seconds(() => updateIndex(index, listing(count), embed, { chunk: 4096 }))
  console.error(`made in ${making.toFixed(1)} s`)
  const [nothing] = await seconds(() => updateIndex(index, listing(count), embed))
  const [more] = await seconds(() => updateIndex(index, listing(count + 100), embed))
  await ask(index, {}) // the first queries read files
  const some = await ask(index, {})
  const all = await ask(index, { exact: true })
  const shared = some.found.map((paths, i) => paths.filter((path) => all.found[i]?.includes(path)).length)
  const recall = shared.reduce((sum, each) => sum + each, 0) / (queries * k)
  console.error(`recall ${recall}`)
  const [duplicates] = await seconds(() => nearDuplicates(index))
  /** @type {(times: readonly number[], part: number) => number} */
  const at = (times, part) => times[Math.min(times.length - 1, Math.floor(part * times.length))] ?? Number.NaN
  const of = `${count} x ${width}`
  report(engine, [
    { case: `creating the index of ${of}`, value: making, unit: 's' },
    { case: 'updating it, no new images', value: nothing, unit: 's' },
    { case: 'updating it, 100 new images', value: more, unit: 's' },
    { case: 'query, p50', value: at(some.times, 0.5), unit: 'ms' },
    { case: 'query, p99', value: at(some.times, 0.99), unit: 'ms' },
    { case: 'exact query, p50', value: at(all.times, 0.5), unit: 'ms' },
    { case: 'exact query, p99', value: at(all.times, 0.99), unit: 'ms' },
    { case: 'recall@10 against exact', value: 100 * recall, unit: '%' },
    { case: 'near-duplicates, all pairs', value: duplicates, unit: 's' },
    { case: 'on disk', value: bytesOf(scratch) / 2 ** 20, unit: 'MB' },
    { case: 'peak memory', value: peakMemory(), unit: 'MB' },
  ])
  index.close()
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
process.exit()
