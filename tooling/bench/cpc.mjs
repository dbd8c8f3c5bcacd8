/** @import { Dataset, Encoder, ImageDataset, Method } from '@selfsup/core' */
/** @import { TrainOptions } from '@selfsup/train' */
/** @import { Row } from './built.js' */
// Contrastive predictive coding. Images: CIFAR-10, linear probe, compared with random weights. Series: MNIST read row by row, linear probe
// on the last state of the context network, and how often the right row is identified k steps ahead. SELFSUP_PART=images or series runs
// only that part. Results are saved in .cache/bench-cpc, and an interrupted run resumes; delete it to start again.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { keeping } from './keeping.mjs'
import { lineChart } from './line-chart.mjs'
import { load, peakMemory, prepared, quick, report, required } from './packages.mjs'

const { imagenetNormalisation } = await load('augment')
const { convnet } = await load('backbones')
const { encoderOf, resolveOptions } = await load('core')
const { cpc, cpcSeries, definition, seriesBackbone, seriesDefinition } = await load('cpc')
const { openImages, rowsAsSeries } = await load('data')
const { extractFeatures, knn, linearProbe } = await load('evaluation')
const { recommendedSettings } = await load('train')
const engine = await prepared()
const only = process.env.SELFSUP_PART
const kept = keeping(`bench-cpc/${quick ? 'quick' : 'full'}`)
/** @type {Row[]} */
const rows = []

/**
 * The accuracies are running means over the last steps; of a resumed run, over the steps since it was resumed.
 * @param {string} name
 * @param {Method} method
 * @param {Dataset} dataset
 * @param {Pick<TrainOptions, 'epochs' | 'batchSize' | 'learningRate' | 'schedule' | 'optimizer'>} settings
 */
async function learn(name, method, dataset, settings) {
  /** @type {Record<string, number>} */
  const accuracies = {}
  /** @type {number | undefined} */
  let spread
  const { seconds } = await kept.learn(name, method, dataset, {
    ...settings,
    engine,
    seed: 1,
    onStep: ({ metrics, spread: found }) => {
      spread = found
      for (const [k, value] of Object.entries(metrics))
        accuracies[k] = 0.95 * (accuracies[k] ?? value) + 0.05 * value
    },
    onEpoch: ({ epoch, loss }) => {
      const found = Object.entries(accuracies).map(([k, value]) => `${k} ${(100 * value).toFixed(1)}`)
      console.error(`${name}: epoch ${epoch + 1} loss ${loss.toFixed(4)} ${found.join(' ')}`)
    },
  })
  return { seconds, accuracies, spread, peak: peakMemory() }
}

/**
 * Accuracy in per cent of kNN and linear probe on features of labelled images.
 * @param {Encoder} encode
 * @param {[train: ImageDataset, test: ImageDataset]} data
 * @param {Pick<import('@selfsup/evaluation').ExtractOptions, 'normalisation' | 'size'>} options
 */
async function probe(encode, [train, test], options) {
  const features = await Promise.all([
    extractFeatures(encode, train, { ...options, engine }),
    extractFeatures(encode, test, { ...options, engine }),
  ])
  return {
    knn: 100 * (await knn(...features)).accuracy,
    linear: 100 * (await linearProbe(...features, { l2: [1e-4] })).accuracy,
  }
}

async function images() {
  const folder = required('SELFSUP_CIFAR10')
  /** @type {[ImageDataset, ImageDataset]} */
  const data = [await openImages(join(folder, 'train')), await openImages(join(folder, 'test'))]
  const backbone = convnet({ size: 8, norm: 'layer' })
  // For ten epochs on two cores: a small context network, larger crops, a higher learning rate.
  const own = { blocks: 3, width: 128, minScale: 0.5 }
  const method = cpc(backbone, own, { imageShape: { size: 32, channels: 3 } })
  const options = { normalisation: imagenetNormalisation, size: 32 }
  const random = await probe(encoderOf(method), data, options)
  console.error(`images: random weights ${JSON.stringify(random)}`)
  const settings = recommendedSettings(definition.training(resolveOptions(definition, own)), {
    epochs: quick ? 2 : 10,
    learningRate: 1e-3,
  })
  const learning = await learn('images', method, data[0], settings)
  const learned = await probe(encoderOf(method), data, options)
  console.error(`images: ${JSON.stringify(learned)}`)
  return { learned, random, ...learning }
}

async function series() {
  const folder =
    process.env.SELFSUP_MNIST ?? fileURLToPath(new URL('../../../shared/data/mnist', import.meta.url))
  /** @type {[ImageDataset, ImageDataset]} */
  const data = [await openImages(folder), await openImages(folder, { split: 'test' })]
  // Every two rows, an encoding of the six rows up to there, so that predictions are at the scale of strokes. The encodings one and
  // two steps ahead share rows with the last visible one.
  const encoder = { filters: [64, 128], kernels: [3, 4], strides: [1, 2], units: 512 }
  const backbone = seriesBackbone({ time: 28, channels: 28, ...encoder })
  const method = cpcSeries(backbone, { steps: 6 })
  const encode = encoderOf(method)
  const options = { normalisation: { mean: [0], std: [1] }, size: 28 }
  const random = await probe(encode, data, options)
  console.error(`series: random weights ${JSON.stringify(random)}`)
  const settings = recommendedSettings(
    seriesDefinition.training(resolveOptions(seriesDefinition, { steps: 6 })),
    {
      epochs: quick ? 1 : 3,
    },
  )
  const learning = await learn('series', method, rowsAsSeries(data[0]), settings)
  const learned = await probe(encode, data, options)
  console.error(`series: ${JSON.stringify(learned)}`)
  return { learned, random, ...learning }
}

/**
 * Draws a chart of the accuracy over the number of steps ahead.
 * @param {string} file
 * @param {string} title
 * @param {Readonly<Record<string, number>>} accuracies
 */
function drawAccuracies(file, title, accuracies) {
  const points = Object.entries(accuracies).map(
    ([name, value]) => /** @type {const} */ ([Number(name.replace('accuracy', '')), 100 * value]),
  )
  const [x, y] = [{ label: 'k, steps ahead' }, { label: 'found among all candidates, %' }]
  const chart = lineChart({ title, x, y, series: [{ name: 'CPC', points }] })
  mkdirSync(fileURLToPath(new URL('charts', import.meta.url)), { recursive: true })
  writeFileSync(fileURLToPath(new URL(`charts/${file}.svg`, import.meta.url)), chart)
}

/**
 * @param {string} what
 * @param {Awaited<ReturnType<typeof images>>} found
 * @returns {Row[]}
 */
function rowsOf(what, { learned, random, seconds, accuracies, spread, peak }) {
  return [
    { case: `${what}, linear probe`, value: learned.linear, unit: '%' },
    { case: `${what}, linear probe of random weights`, value: random.linear, unit: '%' },
    { case: `${what}, kNN`, value: learned.knn, unit: '%' },
    { case: `${what}, kNN of random weights`, value: random.knn, unit: '%' },
    ...(seconds ? [{ case: `${what}, training`, value: seconds, unit: 's' }] : []),
    ...(spread === undefined ? [] : [{ case: `${what}, spread at the end`, value: spread, unit: 'of 1' }]),
    { case: `${what}, peak memory`, value: peak, unit: 'MB' },
    ...Object.entries(accuracies).map(([name, value]) => ({
      case: `${what}, identified ${name.replace('accuracy', '')} ${name === 'accuracy1' ? 'step' : 'steps'} ahead`,
      value: 100 * value,
      unit: '%',
    })),
  ]
}

const ofImages = await kept.onceIf('images', images, only !== 'series')
if (ofImages) rows.push(...rowsOf('CIFAR-10', ofImages))
const ofSeries = await kept.onceIf('series', series, only !== 'images')
if (ofSeries) rows.push(...rowsOf('MNIST rows', ofSeries))
if (ofSeries && !quick)
  drawAccuracies('cpc-series', 'CPC on rows of MNIST: found among all candidates', ofSeries.accuracies)
report(engine, rows)
process.exit()
