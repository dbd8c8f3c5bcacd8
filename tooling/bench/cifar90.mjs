/** @import { Method } from '@selfsup/core' */
// 90 % kNN on CIFAR-10 without labels in the least wall time: `pnpm bench cifar90`. Needs SELFSUP_CIFAR10, the folder with
// train/CLASS/ and test/CLASS/.
//   --epochs 400      length of the schedule; the run ends at the target
//   --batch 512
//   --method byol     any method of the registry
//   --set NAME=VALUE  options of the method, repeatable
//   --rate 0.24       learning rate of SGD
//   --every 10        epochs between two measurements
//   --target 90       kNN in percent on the validation part
//   --out FOLDER      default .cache/cifar90/run
//   --dry             a small network on drawn images, to test the program
//
// A tenth of the training images is kept out of the training and is what kNN is measured on while training. The test images are
// measured once, at the end. The time counts from the start of this program: engine, decoding, compiling, training, measuring.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { cifarFolder } from './cifar.mjs'
import { load, prepared, report } from './packages.mjs'

const started = performance.now()
const seconds = () => (performance.now() - started) / 1000
const { values: flags } = parseArgs({
  options: {
    epochs: { type: 'string' },
    batch: { type: 'string' },
    method: { type: 'string', default: 'byol' },
    set: { type: 'string', multiple: true, default: [] },
    rate: { type: 'string', default: '0.24' },
    every: { type: 'string' },
    target: { type: 'string', default: '90' },
    out: { type: 'string' },
    dry: { type: 'boolean', default: false },
  },
})
const { dry, method: name } = flags
const epochs = Number(flags.epochs ?? (dry ? 4 : 400))
const batchSize = Number(flags.batch ?? (dry ? 32 : 512))
const every = Number(flags.every ?? (dry ? 1 : 10))
const target = Number(flags.target)
const out = flags.out ?? fileURLToPath(new URL('../../.cache/cifar90/run', import.meta.url))
/** Every tenth image is for validation: images are sorted by class. */
const KEPT_OUT = 10

const { hasNvidiaDriver } = await load('tensorflow')
if (hasNvidiaDriver()) process.env.SELFSUP_MIXED_PRECISION ??= 'on'
const folder = dry ? undefined : cifarFolder(false)
const engine = await prepared()
const { openImages, shapes } = await load('data')
const open = (/** @type {'train' | 'test'} */ split) =>
  folder ? openImages(join(folder, split)) : shapes({ size: 32, count: split === 'train' ? 320 : 64, split })
const images = await open('train')
const { imagenetNormalisation: normalisation } = await load('augment')
const { extractFeatures, knn } = await load('evaluation')
const { mixSeed, resolveOptions, uniforms } = await load('core')
const { findMethod, makeMethod } = await load('runs')
const { train } = await load('train')

const positions = Uint32Array.from({ length: images.length }, (_, i) => i)
const known = positions.filter((position) => position % KEPT_OUT !== 0)
const validation = positions.filter((position) => position % KEPT_OUT === 0)

const definition = await findMethod(name)
const given = Object.fromEntries(flags.set.map((text) => [text.split('=')[0], optionValue(text)]))
/** @type {Method} */
const made = await makeMethod({
  method: name,
  options: resolveOptions(definition, given),
  imageShape: { size: 32, channels: 3 },
  backbone: dry ? 'convnet' : 'resnet18',
  seed: 1,
  imageCount: images.length,
})
const method = {
  ...made,
  /** @type {NonNullable<Method['order']>} */
  order: (_, { seed, epoch }) => {
    const keys = uniforms(mixSeed(seed[0], epoch, seed[1]), known.length)
    return known.slice().sort((a, b) => (keys[rank(a)] ?? 0) - (keys[rank(b)] ?? 0))
  },
}
const { backbone } = method.networks

/** @param {import('@selfsup/core').ImageDataset} dataset @param {Uint32Array} [some] */
const featuresOf = (dataset, some) =>
  extractFeatures(backbone, dataset, { normalisation, size: 32, engine, batchSize: 1000, positions: some })
const options = { k: 200, temperature: 0.1 }
/** @type {{ epoch: number, seconds: number, kNN: number }[]} */
const measured = []
const reached = new AbortController()
let epoch = 0
rmSync(out, { recursive: true, force: true })
mkdirSync(dirname(out), { recursive: true })
const stepsPerEpoch = Math.floor(known.length / batchSize)
const result = await train(method, images, {
  out,
  engine,
  epochs,
  batchSize,
  learningRate: Number(flags.rate),
  optimizer: { name: 'sgd', momentum: 0.9, weightDecay: 5e-4 },
  schedule: { name: 'cosine', warmupEpochs: Math.min(10, Math.ceil(epochs / 10)) },
  seed: 1,
  checkpointEvery: every * stepsPerEpoch,
  patience: epochs, // never: the score is for the target
  signal: reached.signal,
  score: async () => {
    const { accuracy } = await knn(
      await featuresOf(images, known),
      await featuresOf(images, validation),
      options,
    )
    const now = { epoch, seconds: seconds(), kNN: 100 * accuracy }
    measured.push(now)
    console.error(`epoch ${epoch}, ${now.seconds.toFixed(0)} s: kNN ${now.kNN.toFixed(2)} % (validation)`)
    if (now.kNN >= target) reached.abort()
    return accuracy
  },
  onEpoch: (report) => {
    epoch = report.epoch + 1
  },
  onWarning: (text) => console.error(text),
})
const time = seconds()
const best = Math.max(...measured.map(({ kNN }) => kNN))
const test = await open('test')
const { accuracy } = await knn(await featuresOf(images, known), await featuresOf(test), options)
const found = {
  engine: engine.description,
  settings: { method: name, options: given, epochs, batchSize, rate: flags.rate, every, target, dry },
  reached: reached.signal.aborted,
  seconds: time,
  steps: result.step,
  imagesPerSecond: result.imagesPerSecond,
  testAccuracy: 100 * accuracy,
  measured,
}
writeFileSync(join(out, '..', dry ? 'dry.json' : 'result.json'), `${JSON.stringify(found, undefined, 1)}\n`)
console.error(
  `${reached.signal.aborted ? `reached ${target} %` : `did not reach ${target} % (best ${best.toFixed(2)} %)`} after ${time.toFixed(0)} s; test images, measured once: ${found.testAccuracy.toFixed(2)} %`,
)
report(engine, [
  { case: 'kNN on the test images', value: found.testAccuracy, unit: '%' },
  {
    case: `time to ${target} % on the validation images`,
    value: reached.signal.aborted ? time : Number.NaN,
    unit: 's',
  },
])
process.exit(reached.signal.aborted || dry ? 0 : 1)

/** Place of a position among those that are trained on. @param {number} position */
function rank(position) {
  return position - Math.floor(position / KEPT_OUT) - 1
}

/** @param {string} text NAME=VALUE */
function optionValue(text) {
  const value = text.slice(text.indexOf('=') + 1)
  if (value === 'true' || value === 'false') return value === 'true'
  return value !== '' && Number.isFinite(Number(value)) ? Number(value) : value
}
