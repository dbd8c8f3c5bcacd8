// Computes, not measures, the tables of docs/pages/guide/several-workers.md: what several GPUs would take, from what one H200 took
// (RESULTS.md, gpu). node tooling/bench/scaling.mjs
import { load } from './packages.mjs'

/** Measured: views of 32 x 32 pixels a second, ResNet-18, TensorFloat-32, one H200, without XLA and with it. */
const MEASURED = { plain: 11_493, xla: 39_940 }
/** Assumed: bytes a second between GPUs of a machine and between machines, seconds of a hop, operations a second in the loss. */
const ASSUMED = { inside: 300e9, between: 50e9, hop: 5e-6, loss: 50e12, perMachine: 8 }

const { prepareEngine } = await load('engine')
await prepareEngine({ engine: 'tensorflow' })
const { resnet18, resnet50 } = await load('backbones')
const small = sizes(resnet18({ size: 32, stem: 'cifar' }))
const large = sizes(resnet50({ size: 224 }))
console.log({ small, large })
// A step of a large network moves its activations more than it multiplies, so their number decides.
const ratio = large.activations / small.activations

/** @param {{ layers: { name: string, outputShape: unknown, countParams(): number, getClassName(): string }[] }} model */
function sizes({ layers }) {
  let [activations, products, weights, norms] = [0, 0, 0, 0]
  for (const layer of layers) {
    const [, ...shape] = /** @type {number[]} */ (layer.outputShape)
    const size = shape.reduce((product, length) => product * length, 1)
    const parameters = layer.countParams()
    weights += parameters
    if (/Conv/i.test(layer.getClassName())) {
      activations += size
      products += (size / (shape.at(-1) ?? 1)) * parameters
    }
    if (/Norm/i.test(layer.getClassName())) norms++
  }
  return { activations, products, weights, norms }
}

/**
 * Seconds of a step of several GPUs.
 * @param {number} gpus @param {number} views views on each GPU
 * @param {{ weights: number, norms: number }} network @param {number} own seconds of one GPU's own computation
 */
function step(gpus, views, { weights, norms }, own, { sync = true, contrastive = true } = {}) {
  const bandwidth = gpus > ASSUMED.perMachine ? ASSUMED.between : ASSUMED.inside
  const gradients = gpus === 1 ? 0 : (2 * 4 * weights * (gpus - 1)) / gpus / bandwidth
  const norm = gpus === 1 || !sync ? 0 : 2 * norms * gpus * ASSUMED.hop
  const all = gpus * views
  // Similarities of 128 features, once forwards and twice backwards.
  const loss = gpus === 1 || !contrastive ? 0 : (3 * 2 * 128 * all * all) / ASSUMED.loss
  return { gradients, norm, loss, whole: Math.max(own, gradients) + norm + loss, embeddings: all * 128 * 4 }
}

const GPUS = [1, 8, 64, 512]
const VIEWS = 512
console.log(`ResNet-18, 32 pixels, ${VIEWS} views (${VIEWS / 2} images) on each GPU`)
for (const [name, settings] of Object.entries({
  SimCLR: {},
  'BYOL, own statistics': { sync: false, contrastive: false },
}))
  for (const gpus of GPUS) {
    const { whole, ...parts } = step(gpus, VIEWS, small, VIEWS / MEASURED.plain, settings)
    const speed = Math.round((gpus * VIEWS) / 2 / whole)
    console.log(name, {
      gpus,
      ...parts,
      whole,
      'images/s': speed,
      efficiency: speed / gpus / (VIEWS / 2 / (VIEWS / MEASURED.plain)),
    })
  }

console.log(
  `ResNet-50, 224 pixels: ${ratio.toFixed(1)} times the activations of a view, ${(large.products / small.products).toFixed(1)} times the products`,
)
const IMAGES = 1_281_167
for (const [gpus, way] of /** @type {const} */ ([
  [1, 'xla'],
  [1, 'plain'],
  [8, 'plain'],
  [64, 'plain'],
  [512, 'plain'],
])) {
  const views = 128
  const own = (views * ratio) / MEASURED[way]
  const { whole } = step(gpus, views, large, own, { sync: gpus <= 64 })
  const speed = (gpus * views) / 2 / whole
  const hours = (/** @type {number} */ epochs) => (epochs * IMAGES) / speed / 3600
  console.log({
    gpus,
    way,
    'images/s': Math.round(speed),
    '100 epochs, h': hours(100),
    '800 epochs, h': hours(800),
  })
}
process.exit()
