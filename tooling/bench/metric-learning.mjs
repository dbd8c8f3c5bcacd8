/** @import { Encoder } from '@selfsup/core' */
/** @import { MetricLearningOptions } from '@selfsup/metric-learning' */
// Metric learning on MNIST without the last three digits: Recall@1 and NMI on the test images of those three, for each loss, with and
// without labels. Results are saved in .cache/bench-metric-learning, so that the benchmark can be interrupted and resumed; delete it to
// start again.
import { fileURLToPath } from 'node:url'
import { keeping } from './keeping.mjs'
import { load, prepared, quick, report } from './packages.mjs'

const { grayNormalisation: normalisation } = await load('augment')
const { convnet } = await load('backbones')
const { encoderOf, resolveOptions } = await load('core')
const { openImages, recordDataset } = await load('data')
const { extractFeatures, kMeans, normalisedMutualInformation, recallAtK } = await load('evaluation')
const { definition, metricLearning } = await load('metric-learning')
const { recommendedSettings } = await load('train')
const engine = await prepared()
const folder =
  process.env.SELFSUP_MNIST ?? fileURLToPath(new URL('../../../shared/data/mnist', import.meta.url))
const kept = keeping(`bench-metric-learning/${quick ? 'quick' : 'full'}`)
const size = 28
/** @type {import('./built.js').Row[]} */
const rows = []

/**
 * The images of some digits, in memory.
 * @param {'train' | 'test'} split
 * @param {(label: number) => boolean} wanted
 */
async function digits(split, wanted, limit = Number.POSITIVE_INFINITY) {
  const all = await openImages(folder, { split })
  /** @type {Uint8Array[]} */
  const pixels = []
  /** @type {number[]} */
  const labels = []
  for await (const { images, labels: some } of all.batches({ batchSize: 1000 })) {
    if (!images) continue
    some.forEach((label, i) => {
      if (!wanted(label) || labels.length >= limit) return
      pixels.push(images.data.slice(i * size * size, (i + 1) * size * size))
      labels.push(label)
    })
  }
  await all.close()
  return recordDataset({
    name: `mnist-${split}-part`,
    count: labels.length,
    height: size,
    width: size,
    channels: 1,
    fingerprint: `mnist-${split}-${labels.length}`,
    labels: Int32Array.from(labels),
    read(positions, target) {
      for (const [i, position] of positions.entries()) target.set(pixels[position] ?? [], i * size * size)
    },
  })
}

const seen = await digits('train', (label) => label < 7, quick ? 4000 : undefined)
const unseen = await digits('test', (label) => label >= 7)

/**
 * @param {Encoder} encode
 * @param {boolean} [euclidean]
 */
async function evaluate(encode, euclidean = false) {
  const features = await extractFeatures(encode, unseen, { normalisation, size, engine })
  const { 1: recall = Number.NaN } = await recallAtK(features, { k: [1], normalise: !euclidean })
  // Clusters of directions where recall is by directions.
  const unit = features.values.slice()
  for (let start = 0; start < unit.length && !euclidean; start += features.width) {
    const row = unit.subarray(start, start + features.width)
    const length = Math.hypot(...row) || 1
    row.forEach((value, i) => {
      row[i] = value / length
    })
  }
  const { assignments } = await kMeans({ ...features, values: unit }, { clusters: 3, restarts: 10 })
  return { recall, information: normalisedMutualInformation(features.labels, assignments) }
}

/**
 * Adds the rows of a saved or measured result.
 * @param {string} title
 * @param {() => ReturnType<typeof evaluate>} measure
 */
async function shown(title, measure) {
  const { recall, information } = await kept.once(title, measure)
  rows.push(
    { case: `${title}, Recall@1`, value: 100 * recall, unit: '%' },
    { case: `${title}, NMI`, value: 100 * information, unit: '%' },
  )
}

const network = () => convnet({ size, channels: 1, widths: [16, 32, 64, 128], seed: 1 })
/** @type {readonly MetricLearningOptions[]} */
const losses = [
  { loss: 'contrastive' },
  { loss: 'triplet', mining: 'all' },
  { loss: 'triplet', mining: 'hard' },
  { loss: 'triplet', mining: 'semi-hard' },
  { loss: 'n-pair' },
  { loss: 'lifted' },
  { loss: 'supcon' },
]
// With labels, a batch has 16 images per digit; without labels, each image is its own class.
/** @type {readonly { name: string, options: MetricLearningOptions, batchSize: number }[]} */
const kinds = [
  { name: 'labels', options: { labels: 'classes', perClass: 16, minScale: 0.6 }, batchSize: 112 },
  { name: 'no labels', options: { labels: 'images', minScale: 0.6 }, batchSize: 112 },
]

/**
 * @param {string} title
 * @param {Pick<typeof kinds[number], 'options' | 'batchSize'>} kind
 * @param {MetricLearningOptions} loss
 */
async function measured(title, { options, batchSize }, loss) {
  const backbone = network()
  const method = metricLearning(backbone, { ...options, ...loss })
  const settings = recommendedSettings(
    definition.training(resolveOptions(definition, { ...options, ...loss })),
    {
      epochs: quick ? 1 : 3,
      batchSize,
    },
  )
  await kept.learn(title, method, seen, {
    ...settings,
    engine,
    seed: 1,
    onEpoch: ({ epoch, loss }) => console.error(`${title}: epoch ${epoch + 1} loss ${loss.toFixed(4)}`),
  })
  const euclidean = loss.loss === 'triplet' && loss.mining !== 'semi-hard'
  const found = await evaluate(encoderOf(method), euclidean)
  method.dispose()
  backbone.dispose()
  kept.forget(title)
  return found
}

await shown('random weights', () => evaluate(encoderOf(metricLearning(network()))))
for (const kind of kinds) {
  for (const loss of losses) {
    const title = `${kind.name}, ${Object.values(loss).join(' ')}`
    await shown(title, () => measured(title, kind, loss))
  }
}
report(engine, rows)
process.exit()
