// IIC on MNIST: clusters without labels, by the best assignment to the classes of the test images; then classification with ten labels per
// class through the over-clustering head. Three seeds; each uses the sub-head with the lowest loss on training images. Results are saved in
// .cache/bench-iic, so that the benchmark can be interrupted and resumed; delete it to start again.
import { fileURLToPath } from 'node:url'
import { keeping } from './keeping.mjs'
import { load, prepared, quick, report } from './packages.mjs'

const { pooledConvnet } = await load('backbones')
const { derive, uniforms } = await load('core')
const { openImages } = await load('data')
const { clusterAccuracy } = await load('evaluation')
const { assignClusters, bestSubHead, clusterProbabilities, fewLabelClassifier, iic, subHeadLosses } =
  await load('iic')
const engine = await prepared()
const folder =
  process.env.SELFSUP_MNIST ?? fileURLToPath(new URL('../../../shared/data/mnist', import.meta.url))

const kept = keeping(`bench-iic/${quick ? 'quick' : 'full'}`)

// For two cores: a small network, fewer copies, both heads in one step. Crops of 26 pixels (as well as 21 and 28) keep most strokes; erased
// squares hide the bar of some sevens, which are otherwise clustered with threes or twos. The marginals' weight of 2.5 keeps clusters
// filled and of similar size.
const settings = { batchSize: 200, learningRate: 1e-3, epochs: quick ? 1 : 10 }
const options = /** @type {const} */ ({
  repeats: 2,
  heads: 'together',
  lambda: 2.5,
  crop: 26 / 28,
  erase: 0.45,
})
const perClass = 10
const draws = 5

/**
 * Labels of `perClass` images of each class, drawn with the seed; -1 for all others.
 * @param {Int32Array} labels
 * @param {number} draw
 */
function fewLabels(labels, draw) {
  const order = [...uniforms(derive([draw, 0xfe3], 0), labels.length).entries()].sort(([, a], [, b]) => a - b)
  const kept = new Int32Array(labels.length).fill(-1)
  const counts = new Map()
  for (const [position] of order) {
    const label = labels[position] ?? -1
    const count = counts.get(label) ?? 0
    if (count === perClass) continue
    counts.set(label, count + 1)
    kept[position] = label
  }
  return kept
}

/** @type {(predicted: Int32Array, labels: Int32Array) => number} */
const accuracyOf = (predicted, labels) =>
  predicted.filter((label, i) => label === labels[i]).length / labels.length
/** @param {readonly number[]} values */
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length

/** @param {number} seed */
async function measured(seed) {
  const train = await openImages(folder, { split: 'train' })
  const test = await openImages(folder, { split: 'test' })
  const backbone = pooledConvnet({ size: 24, channels: 1, seed })
  const method = iic(backbone, options, { seed })
  const { seconds } = await kept.learn(`seed-${seed}`, method, train, {
    ...settings,
    engine,
    optimizer: { name: 'adamw', weightDecay: 0 },
    seed,
    onEpoch: ({ epoch, loss }) => console.error(`seed ${seed} epoch ${epoch + 1} loss ${loss.toFixed(4)}`),
  })
  const subHead = bestSubHead(await subHeadLosses(method, train, { engine }))
  const { assigned, labels } = await assignClusters(method, test, { subHead, engine })
  const clusters = clusterAccuracy(assigned, labels).accuracy

  const fine = { head: /** @type {const} */ ('overClusters'), engine }
  const known = await clusterProbabilities(method, train, fine)
  const unknown = await clusterProbabilities(method, test, fine)
  const classes = Array.from({ length: draws }, (_, draw) => {
    const classifier = fewLabelClassifier({ ...known, labels: fewLabels(known.labels, draw) })
    return accuracyOf(classifier.classify(unknown), unknown.labels)
  })
  method.dispose()
  backbone.dispose()
  await Promise.all([train.close(), test.close()])
  return { clusters, classes: mean(classes), seconds }
}

const runs = []
for (const seed of quick ? [1] : [1, 2, 3]) runs.push(await kept.once(`seed-${seed}`, () => measured(seed)))
/** @type {(name: string, values: readonly number[]) => import('./built.js').Row[]} */
const rows = (name, values) => [
  { case: `${name}, best of ${runs.length}`, value: 100 * Math.max(...values), unit: '%' },
  { case: `${name}, mean`, value: 100 * mean(values), unit: '%' },
]
report(engine, [
  ...rows(
    'cluster accuracy, no labels',
    runs.map(({ clusters }) => clusters),
  ),
  ...rows(
    `accuracy, ${perClass} labels per class (mean of ${draws} draws)`,
    runs.map(({ classes }) => classes),
  ),
  ...runs.flatMap(({ seconds }, i) =>
    seconds ? [{ case: `training of seed ${i + 1}`, value: seconds, unit: 's' }] : [],
  ),
])
process.exit()
