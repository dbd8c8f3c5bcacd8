/** @import { Encoder, ImageDataset, Method, Step } from '@selfsup/core' */
/** @import { Features } from '@selfsup/evaluation' */
/** @import { TrainOptions } from '@selfsup/train' */
/** @import { LayersModel, SymbolicTensor } from '@tensorflow/tfjs-layers' */
/** @import { Scalar, Tensor, Tensor2D, Tensor4D } from '@tensorflow/tfjs-core' */
// VAE, GAN and BiGAN on MNIST (see the rows at the end). Results are saved in .cache/bench-generative, and an interrupted run resumes;
// delete it to start again. SELFSUP_METHODS=vae,bigan-cycle measures only those; saved results are always shown. Sheets of samples are
// written next to the results, as PNG. SELFSUP_SET, settings by name as JSON, is for trials.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { keeping } from './keeping.mjs'
import { bare, load, prepared, quick, report } from './packages.mjs'

const tf = await bare('@tensorflow/tfjs-core', 'generative')
const tfl = await bare('@tensorflow/tfjs-layers', 'generative')
const { convBnRelu, dcgan, fullyConnected, initialise } = await load('backbones')
const { encoderOf, resolveOptions } = await load('core')
const { contactSheet, openImages } = await load('data')
const { extractFeatures, rawPixels } = await load('evaluation')
const { bigan, biganDefinition, gan, vae } = await load('generative')
const engine = await prepared()
/**
 * The value; throws if it is missing.
 * @template Value
 * @param {Value | undefined} value
 * @returns {Value}
 */
function required(value) {
  if (value === undefined) throw new Error('a value is missing')
  return value
}
const only = process.env.SELFSUP_METHODS?.split(',')
const set = JSON.parse(process.env.SELFSUP_SET ?? '{}')
const limit = quick ? 3000 : undefined
const name = `adversarial-${quick ? 'quick' : 'full'}${process.env.SELFSUP_SET ? '-trial' : ''}`
const kept = keeping(`bench-generative/${name}`)
const mnist =
  process.env.SELFSUP_MNIST ?? fileURLToPath(new URL('../../../shared/data/mnist', import.meta.url))

const digits = { size: 28, channels: 1 }
const normalisation = { mean: [0], std: [1] } // unnormalised pixels, as in the papers
const adversarial = { optimizer: { name: 'adamw', beta1: 0.5, weightDecay: 0 }, schedule: { name: 'cosine' } }
const usual = { optimizer: { name: 'adamw', weightDecay: 0 }, schedule: { name: 'cosine' } }
const { optimizer, learningRate, schedule } = biganDefinition.training(resolveOptions(biganDefinition))
const biganTraining = { optimizer, learningRate, schedule }
const settings = {
  classifier: { epochs: 4, learningRate: 2e-3, ...usual, ...set.classifier },
  vae: { epochs: 12, learningRate: 1e-3, ...usual, ...set.vae },
  gan: { epochs: 8, learningRate: 5e-4, ...adversarial, ...set.gan },
  bigan: { cycle: 0, epochs: 30, ...biganTraining, ...set.bigan },
  'bigan-cycle': {
    cycle: 0.1,
    epochs: 5,
    learningRate: 2e-3,
    schedule: { name: 'cosine' },
    optimizer: { ...adversarial.optimizer, weightDecay: 2 }, // multiplied by the learning rate: initially 0.4 % per step
    ...set['bigan-cycle'],
  },
  stability: { epochs: 2, learningRate: 5e-4, ...adversarial, ...set.stability },
}
const seeds = quick ? [1, 2] : [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
const samples = quick ? 500 : 10_000
const width = 32

/**
 * Trains, resumes, or restores a finished run; returns the loop's warnings, and the seconds of an uninterrupted run.
 * @param {string} name
 * @param {Method} method
 * @param {ImageDataset} dataset
 * @param {Pick<TrainOptions, 'epochs' | 'learningRate' | 'optimizer' | 'schedule' | 'seed'>} settings
 */
async function learn(name, method, dataset, { epochs, ...rest }) {
  /** @type {string[]} */
  const said = []
  /** @type {Readonly<Record<string, number>> | undefined} */
  let last
  const { seconds } = await kept.learn(name, method, dataset, {
    batchSize: 128,
    seed: 1,
    ...rest,
    epochs: quick ? 1 : epochs,
    ...(limit && { maxSteps: Math.ceil(limit / 128) }),
    engine,
    checkpointEvery: 469,
    onStep: ({ metrics }) => {
      last = metrics
    },
    onEpoch: ({ epoch, loss }) =>
      console.error(`${name}: epoch ${epoch + 1} loss ${loss.toFixed(4)} ${JSON.stringify(last)}`),
    onWarning: (message) => {
      said.push(message)
      console.error(message)
    },
  })
  return { said, last, seconds }
}

/**
 * Result of a part, measured or saved; undefined if it is neither requested nor saved.
 * @template Result
 * @param {string} part
 * @param {() => Promise<Result>} measure
 */
const once = (part, measure) =>
  kept.onceIf(part, measure, !only || only.includes(part) || only.includes(part.split('-')[0] ?? ''))

/** @param {(images: Tensor4D) => Tensor2D} encode @param {ImageDataset} dataset */
const extract = (encode, dataset) =>
  extractFeatures(encode, dataset, { normalisation, size: 28, engine, limit })
/**
 * Accuracy of the class of the nearest training image, by Euclidean distance as in BiGAN's code.
 * @param {(dataset: ImageDataset) => Promise<Features>} features
 */
async function nearest(features) {
  const [train, test] = [await features(known), await features(asked)]
  const found = tf.tidy(() => {
    /** @param {Features} features */
    const matrix = ({ values, count, width }) => tf.tensor2d(values, [count, width])
    const [rows, queries] = [matrix(train), matrix(test)]
    const half = tf.mul(tf.sum(tf.square(rows), 1), 0.5)
    const blocks = Array.from({ length: Math.ceil(test.count / 500) }, (_, i) => 500 * i)
    return tf.concat(
      blocks.map((start) =>
        tf.tidy(() => {
          const some = tf.slice(queries, [start, 0], [Math.min(500, test.count - start), -1])
          return tf.argMax(tf.sub(tf.matMul(some, rows, false, true), half), 1)
        }),
      ),
    )
  })
  const positions = await found.data()
  found.dispose()
  const classes = Array.from(positions, (position) => train.labels[position])
  return test.labels.filter((label, i) => label === classes[i]).length / test.count
}

/** @param {Features} features @param {number} index */
const column = ({ values, width, count }, index) =>
  Array.from({ length: count }, (_, row) => values[row * width + index] ?? Number.NaN)
/** @param {readonly number[]} values */
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length

/**
 * A digit classifier, trained with labels by the same training loop.
 * @returns {Method<{ images: Tensor4D, labels: Tensor }>}
 */
function classifier() {
  const input = tfl.input({ shape: [28, 28, 1], name: 'images' })
  const places = [32, 64, 128].reduce(
    (x, filters, stage) => convBnRelu(x, `stage${stage + 1}`, filters, 3, stage === 0 ? 1 : 2),
    input,
  )
  const flat = tfl.layers.flatten({ name: 'places' }).apply(places)
  const logits = /** @type {SymbolicTensor} */ (
    tfl.layers.dense({ name: 'logits', units: 10, kernelInitializer: 'zeros' }).apply(flat)
  )
  const backbone = initialise(tfl.model({ inputs: input, outputs: logits, name: 'classifier' }), 7, 'he')
  return {
    name: 'classifier',
    networks: { backbone },
    state: {},
    crops: [],
    views: ({ images, labels }) => ({ images: tf.div(required(images), 255), labels }),
    loss: ({ images, labels }) => {
      const logits = /** @type {Tensor} */ (backbone.apply(images, { training: true }))
      const logLikelihoods = tf.sum(tf.mul(tf.oneHot(labels, 10), tf.logSoftmax(logits)), 1)
      return { loss: /** @type {Scalar} */ (tf.neg(tf.mean(logLikelihoods))) }
    },
    dispose: () => backbone.dispose(),
  }
}

/**
 * Confidence of the most likely class, and class counts, of images from `batchAt`, [n, 28, 28, 1] with values 0..1.
 * @param {LayersModel} backbone
 * @param {number} count
 * @param {(start: number, count: number) => Tensor4D} batchAt
 */
async function classified(backbone, count, batchAt) {
  const step = engine.compile((/** @type {Tensor4D} */ images) =>
    tf.softmax(/** @type {Tensor2D} */ (backbone.apply(images, { training: false }))),
  )
  const confidences = []
  /** @type {number[]} */
  const classes = Array(10).fill(0)
  for (let start = 0; start < count; start += 500) {
    const images = batchAt(start, Math.min(500, count - start))
    const probabilities = step(images)
    const rows = await probabilities.array()
    tf.dispose([images, probabilities])
    for (const row of rows) {
      const most = Math.max(...row)
      confidences.push(most)
      classes[row.indexOf(most)] = (classes[row.indexOf(most)] ?? 0) + 1
    }
  }
  step.dispose()
  const shares = classes.map((n) => n / count)
  const entropy = -shares.reduce((sum, share) => sum + (share > 0 ? share * Math.log(share) : 0), 0)
  return { confidence: mean(confidences), classes, inUse: Math.exp(entropy), rarest: Math.min(...shares) }
}

/**
 * Writes sheets of a method's images: samples, interpolations between latents, reconstructions of test images.
 * @param {Method} method
 */
async function sheets(method, name = method.name) {
  const [seed, labels] = [tf.tensor1d([11, 12], 'int32'), tf.tensor1d(Array(16).fill(0), 'int32')]
  const step = { seed, progress: tf.scalar(1), epoch: tf.scalar(0), phase: 'discriminator' }
  for await (const batch of asked.batches({ batchSize: 16, limit: 16 })) {
    const { data, shape } = required(batch.images)
    const shown = tf.tidy(() => {
      const images = tf.tensor4d(data, [...shape], 'int32')
      /** @param {Tensor4D} x @returns {Tensor4D} */
      const bytes = (x) =>
        tf.cast(/** @type {Tensor4D} */ (tf.round(tf.mul(tf.clipByValue(x, 0, 1), 255))), 'int32')
      const shown = method.samples?.(method.views({ images, labels, indices: labels }, step), step) ?? {}
      return Object.fromEntries(Object.entries(shown).map(([kind, x]) => [kind, bytes(x)]))
    })
    for (const [kind, bytes] of Object.entries(shown)) {
      const data = Uint8Array.from(await bytes.data())
      await contactSheet(join(kept.folder, `${name}-${kind}.png`), { data, shape: bytes.shape })
    }
    tf.dispose(shown)
  }
  tf.dispose([seed, labels, step.progress, step.epoch])
}

const known = await openImages(mnist, { split: 'train' })
const asked = await openImages(mnist, { split: 'test' })

async function trainedClassifier() {
  const method = classifier()
  const { seconds } = await learn('classifier', method, known, settings.classifier)
  return { method, seconds }
}

async function ofClassifier() {
  const { method, seconds } = await trainedClassifier()
  const logits = await extract(encoderOf(method), asked)
  let [right, confidence] = [0, 0]
  for (let row = 0; row < logits.count; row++) {
    const values = [...logits.values.subarray(10 * row, 10 * row + 10)]
    const most = Math.max(...values)
    if (values.indexOf(most) === logits.labels[row]) right++
    confidence += 1 / values.reduce((sum, value) => sum + Math.exp(value - most), 0)
  }
  method.dispose()
  return { accuracy: right / logits.count, confidence: confidence / logits.count, seconds }
}

async function ofVae() {
  const backbone = fullyConnected({ ...digits, widths: [512, 512], seed: 1 })
  const method = vae(backbone, { latent: 20, width }, { normalisation, seed: 1 })
  const { seconds } = await learn('vae', method, known, settings.vae)
  const seed = tf.tensor1d([3, 4], 'int32')
  /** @param {boolean} binary @returns {(images: Tensor4D) => Tensor2D} */
  const terms = (binary) => (images) => {
    const { bound, divergence } = method.negativeElbo(
      binary ? /** @type {Tensor4D} */ (tf.cast(tf.greater(images, 0.5), 'float32')) : images,
      seed,
    )
    return /** @type {Tensor2D} */ (tf.stack([bound, divergence], 1))
  }
  const grey = await extract(terms(false), asked)
  const binary = await extract(terms(true), asked)
  const accuracy = await nearest((dataset) => extract(encoderOf(method), dataset))
  await sheets(method)
  method.dispose()
  backbone.dispose()
  return {
    bound: mean(column(grey, 0)),
    divergence: mean(column(grey, 1)),
    binary: mean(column(binary, 0)),
    accuracy,
    seconds,
  }
}

/** @param {number} seed @param {number} width */
const ganOf = (seed, width) => {
  const backbone = dcgan({ ...digits, width, seed, norm: 'layer' })
  return { backbone, method: gan(backbone, { width, r1: 1 }, { normalisation, seed }) }
}

async function ofGan() {
  const { backbone, method } = ganOf(1, width)
  const { seconds, said } = await learn('gan', method, known, settings.gan)
  const { method: digitClassifier } = await trainedClassifier()
  const score = await classified(digitClassifier.networks.backbone, samples, (start, count) =>
    tf.tidy(() => method.generate(tf.randomNormal([count, 100], 0, 1, 'float32', 1 + start))),
  )
  const accuracy = await nearest((dataset) => extract(encoderOf(method), dataset))
  await sheets(method)
  for (const one of [method, digitClassifier, backbone]) one.dispose()
  return { ...score, accuracy, said, seconds }
}

/**
 * BiGAN as in the paper, or with an additional cycle loss.
 * @param {'bigan' | 'bigan-cycle'} name
 */
async function ofBigan(name) {
  const { cycle, ...training } = settings[name]
  const backbone = fullyConnected({ ...digits, seed: 1 })
  const method = bigan(backbone, { cycle }, { normalisation, seed: 1 })
  const features = (/** @type {ImageDataset} */ dataset) => extract(encoderOf(method), dataset)
  const random = await nearest(features)
  const { seconds, said } = await learn(name, method, known, training)
  const accuracy = await nearest(features)
  /** @param {Tensor4D} x */
  const latentsOf = (x) =>
    /** @type {Tensor2D} */ (
      required(method.networks.encoder).apply(encoderOf(method)(x), { training: false })
    )
  const latents = await nearest((dataset) => extract(latentsOf, dataset))
  await sheets(method, name)
  method.dispose()
  backbone.dispose()
  return { accuracy, latents, random, said, seconds }
}

/**
 * Result of one seed, with the loop's error message if it failed.
 * @param {number} seed
 * @returns {Promise<{ said: string[], spread?: number, seconds?: number }>}
 */
async function ofSeed(seed) {
  const { backbone, method } = ganOf(seed, width / 2)
  try {
    const { said, last, seconds } = await learn(`stability-${seed}`, method, known, {
      ...settings.stability,
      seed,
    })
    return { said, spread: last?.['discriminator/sampleSpread'], seconds }
  } catch (error) {
    return { said: [String(error).split('\n')[0] ?? ''] }
  } finally {
    kept.forget(`stability-${seed}`)
    method.dispose()
    backbone.dispose()
  }
}

const classifierResult = await once('classifier', ofClassifier)
const bounds = await once('vae', ofVae)
const made = await once('gan', ofGan)
const encoded = await once('bigan', () => ofBigan('bigan'))
const inverted = await once('bigan-cycle', () => ofBigan('bigan-cycle'))
const stable = []
for (const seed of seeds) {
  const found = await once(`stability-${seed}`, () => ofSeed(seed))
  if (found) stable.push(found)
}
const pixels = await once('pixels', () => nearest((dataset) => rawPixels(dataset, { size: 28, limit })))

/** @param {string} of @param {{ readonly seconds?: number }} found */
const time = (of, found) =>
  found.seconds === undefined ? [] : [{ case: `training of ${of}`, value: found.seconds, unit: 's' }]
/** @param {string} label @param {number} value */
const percent = (label, value) => ({ case: label, value: 100 * value, unit: '%' })
const rows = [
  ...(bounds
    ? [
        { case: 'VAE, 20 latents: negative ELBO, grey pixels', value: bounds.bound, unit: 'nats' },
        { case: 'VAE: its divergence', value: bounds.divergence, unit: 'nats' },
        { case: 'VAE: negative ELBO, the same on binarised pixels', value: bounds.binary, unit: 'nats' },
        percent('VAE: 1-NN of the means', bounds.accuracy),
        ...time('the VAE', bounds),
      ]
    : []),
  ...(classifierResult
    ? [
        percent('classifier: test accuracy', classifierResult.accuracy),
        percent('classifier: mean confidence on test images', classifierResult.confidence),
        ...time('the classifier', classifierResult),
      ]
    : []),
  ...(made
    ? [
        percent(`GAN: mean confidence in ${samples} samples`, made.confidence),
        { case: 'GAN: effective number of classes (exp of the entropy)', value: made.inUse, unit: 'of 10' },
        percent('GAN: fraction of the rarest class', made.rarest),
        percent('GAN: 1-NN of the discriminator’s features', made.accuracy),
        { case: 'GAN: alarms', value: made.said.length, unit: 'count' },
        ...time('the GAN', made),
      ]
    : []),
  ...(encoded
    ? [
        percent('BiGAN: 1-NN of the encoder’s features (paper: 97.39)', encoded.accuracy),
        percent('BiGAN: 1-NN of its latents', encoded.latents),
        percent('BiGAN: 1-NN of random weights', encoded.random),
        { case: 'BiGAN: alarms', value: encoded.said.length, unit: 'count' },
        ...time('BiGAN', encoded),
      ]
    : []),
  ...(inverted
    ? [
        percent('BiGAN with cycle loss (cycle 0.1): 1-NN', inverted.accuracy),
        percent('BiGAN with cycle loss: 1-NN of its latents', inverted.latents),
        { case: 'BiGAN with cycle loss: alarms', value: inverted.said.length, unit: 'count' },
        ...time('BiGAN with cycle loss', inverted),
      ]
    : []),
  ...(pixels === undefined ? [] : [percent('1-NN of raw pixels', pixels)]),
  ...(stable.length > 0
    ? [
        {
          case: `GAN, two epochs: seeds without an alarm, of ${stable.length}`,
          value: stable.filter(({ said }) => said.length === 0).length,
          unit: 'count',
        },
        {
          case: 'GAN, two epochs: lowest spread of samples',
          value: Math.min(...stable.map(({ spread }) => spread ?? 0)),
          unit: 'of 1',
        },
      ]
    : []),
]
report(engine, rows)
process.exit()
