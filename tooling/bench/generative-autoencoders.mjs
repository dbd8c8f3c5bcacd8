// Autoencoders on CIFAR-10 with the four-layer ConvNet (the masked one with a small vision transformer): kNN and linear probe, compared with
// random weights encoded in the same way, and reconstruction errors on test images; a denoising one on MNIST. Results are saved in
// .cache/bench-generative, and an interrupted run resumes; delete it to start again. SELFSUP_METHODS=mae,split-brain measures only those;
// saved results are always shown. SELFSUP_EPOCHS, SELFSUP_COUNT (training images) and SELFSUP_SET, options of the methods as JSON by name,
// are for trials.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { keeping } from './keeping.mjs'
import { bare, load, prepared, quick, report } from './packages.mjs'

const tf = await bare('@tensorflow/tfjs-core', 'generative')
const { convnet, visionTransformer } = await load('backbones')
const { encoderOf } = await load('core')
const { openImages } = await load('data')
const { extractFeatures, knn, linearProbe } = await load('evaluation')
const generative = await load('generative')
const { recommendedSettings } = await load('train')
const engine = await prepared()
const only = process.env.SELFSUP_METHODS?.split(',')
const trial = process.env.SELFSUP_SET ?? process.env.SELFSUP_COUNT
const set = JSON.parse(process.env.SELFSUP_SET ?? '{}')
const epochs = Number(process.env.SELFSUP_EPOCHS) || (quick ? 1 : 10)
const limit = Number(process.env.SELFSUP_COUNT) || (quick ? 3000 : undefined)
const name = quick ? 'quick' : `${epochs}-epochs`
const kept = keeping(`bench-generative/autoencoders-${name}${trial ? '-trial' : ''}`)
const mnist =
  process.env.SELFSUP_MNIST ?? fileURLToPath(new URL('../../../shared/data/mnist', import.meta.url))
const cifar = { size: 32, channels: 3 }
const digits = { size: 28, channels: 1 }
const vit = (input) => visionTransformer('small-vit', input, { width: 128, depth: 4, heads: 4 })

// For ten epochs on two cores: decoders of a quarter of the default width.
const light = { width: 8 }
const rate = { learningRate: 2e-3 }
const cases = {
  autoencoder: { method: 'autoencoder', options: light, errorsOf: reconstruction },
  denoising: { method: 'denoising', options: light, errorsOf: reconstruction },
  'context-encoder': {
    method: 'contextEncoder',
    options: { ...light, discriminatorWidth: 16 },
    errorsOf: inpainting,
  },
  'split-brain': {
    method: 'splitBrain',
    options: { width: 16, colourBin: 20, lightnessBin: 5 },
    errorsOf: colourisation,
  },
  mae: {
    method: 'maskedAutoencoder',
    backbone: vit,
    options: { decoderDepth: 1 },
    settings: { learningRate: 1e-3, warmupEpochs: 1 },
  },
  'denoising on MNIST': {
    method: 'denoising',
    imageShape: digits,
    options: { ...light, level: 0.5 },
    errorsOf: reconstruction,
  },
}

/** Means over a dataset's images of the values that `measure` returns for batches of them, by name. */
async function meanOf(method, dataset, measure) {
  const compiled = engine.compile((images) => {
    const step = {
      seed: tf.tensor1d([1, 2], 'int32'),
      progress: tf.scalar(1),
      epoch: tf.scalar(0),
      phase: 'main',
    }
    return tf.stack(Object.values(measure(method.views({ images }, step))))
  })
  let [sums, count] = [undefined, 0]
  for await (const { images } of dataset.batches({ batchSize: 250, limit })) {
    const input = tf.tensor4d(images.data, images.shape, 'int32')
    const found = compiled(input)
    const values = await found.data()
    tf.dispose([input, found])
    sums = values.map((value, i) => value * images.shape[0] + (sums?.[i] ?? 0))
    count += images.shape[0]
  }
  compiled.dispose()
  return [...sums].map((sum) => sum / count)
}

const squaredError = (a, b) => tf.mean(tf.squaredDifference(a, b))

/** Root mean squared errors of pixels, 0..1. */
async function reconstruction(method, dataset) {
  const pixels = (x) => generative.toPixels(x, method.normalisation)
  const [made, given, mean] = await meanOf(method, dataset, ({ input, target }) => ({
    made: squaredError(method.reconstruct(input), pixels(target)),
    given: squaredError(pixels(input), pixels(target)),
    mean: squaredError(tf.mean(pixels(target), [1, 2], true), pixels(target)),
  }))
  const rows = { 'reconstruction error': Math.sqrt(made) }
  if (given > 0) rows['error of the noisy input'] = Math.sqrt(given)
  rows["error of each image's mean"] = Math.sqrt(mean)
  return rows
}

/** Root mean squared errors of pixels in the hole, 0..1. */
async function inpainting(method, dataset) {
  const { holeError, meanColour, toPixels } = generative
  const pixels = (x) => toPixels(x, method.normalisation)
  const [made, around, all] = await meanOf(method, dataset, (views) => {
    const { images, hole } = views
    const truth = pixels(images)
    return {
      made: holeError(tf.clipByValue(pixels(method.inpaint(views)), 0, 1), truth, hole),
      around: holeError(meanColour(truth, hole), truth, hole),
      all: holeError(pixels(tf.zerosLike(images)), truth, hole),
    }
  })
  return {
    'error in the hole': Math.sqrt(made),
    'error of the mean colour around it': Math.sqrt(around),
    "error of ImageNet's mean colour": Math.sqrt(all),
  }
}

/** Root mean squared errors of a and b, and of lightness, in Lab units. */
async function colourisation(method, dataset) {
  const [colour, grey, a, b, lightness, black, l] = await meanOf(method, dataset, (views) => {
    const [made, truth] = [method.predict(views, 1), method.truth(views)]
    const [a, b] = tf.split(truth.colour, 2, 3)
    return {
      colour: squaredError(made.colour, truth.colour),
      grey: tf.mean(tf.square(truth.colour)),
      a: tf.mean(a),
      b: tf.mean(b),
      lightness: squaredError(made.lightness, truth.lightness),
      black: tf.mean(tf.square(truth.lightness)),
      l: tf.mean(truth.lightness),
    }
  })
  return {
    'error of colour from lightness': Math.sqrt(colour),
    'error of the mean colour of all images': Math.sqrt(grey - (a ** 2 + b ** 2) / 2),
    'error of lightness from colour': Math.sqrt(lightness),
    'error of the mean lightness of all images': Math.sqrt(black - l ** 2),
  }
}

/** Accuracy of kNN and linear probe. */
async function evaluate(method, [train, test], { size }) {
  const options = { normalisation: method.normalisation, size, engine, limit }
  const encode = encoderOf(method)
  const features = [
    await extractFeatures(encode, train, options),
    await extractFeatures(encode, test, options),
  ]
  const { accuracy: neighbours } = await knn(...features)
  const { accuracy: linear } = await linearProbe(...features, { l2: [1e-4] })
  return { knn: neighbours, linear }
}

async function learn(name, definition, method, dataset, settings) {
  const recommended = recommendedSettings(definition.training(method.options), {
    epochs,
    ...rate,
    ...settings,
  })
  return kept.learn(name, method, dataset, {
    ...recommended,
    engine,
    seed: 1,
    ...(limit && { maxSteps: Math.ceil((epochs * limit) / recommended.batchSize) }),
    onEpoch: ({ epoch, loss }) => console.error(`${name}: epoch ${epoch + 1} loss ${loss.toFixed(4)}`),
  })
}

async function measured(
  name,
  { method: make, imageShape = cifar, backbone: network = convnet, ...one },
  data,
) {
  const definition = generative[`${make}Definition`]
  const input = definition.backboneInput?.(imageShape, {}) ?? imageShape
  const backbone = network({ ...input, seed: 1 })
  const options = { ...one.options, ...set[name] }
  const method = definition.create(backbone, options, { seed: 1, imageShape, makeBackbone: network })
  const random = await evaluate(method, data, imageShape)
  console.error(`${name}: random weights ${JSON.stringify(random)}`)
  const settings = { ...one.settings, ...set.settings?.[name] }
  const { seconds } = await learn(name, definition, method, data[0], settings)
  const learned = await evaluate(method, data, imageShape)
  const work = (await one.errorsOf?.(method, data[1])) ?? {}
  console.error(`${name}: ${JSON.stringify({ ...learned, ...work, seconds })}`)
  method.dispose()
  backbone.dispose()
  return { learned, random, work, seconds }
}

const open = (source) =>
  source === digits
    ? [openImages(mnist), openImages(mnist, { split: 'test' })]
    : ['train', 'test'].map((split) => openImages(join(process.env.SELFSUP_CIFAR10, split)))
const rows = []
for (const [name, one] of Object.entries(cases)) {
  const measure = async () => {
    const data = await Promise.all(open(one.imageShape))
    const found = await measured(name, one, data)
    await Promise.all(data.map((dataset) => dataset.close()))
    return found
  }
  const found = await kept.onceIf(name, measure, !only || only.includes(name))
  if (!found) continue
  kept.forget(name)
  const { learned, random, work, seconds } = found
  const percent = (title, part) => rows.push({ case: `${name}: ${title}`, value: 100 * part, unit: '%' })
  percent('kNN', learned.knn)
  percent('kNN of random weights', random.knn)
  percent('linear probe', learned.linear)
  percent('linear probe of random weights', random.linear)
  const unit = one.method === 'splitBrain' ? 'of Lab' : 'of 1'
  for (const [title, value] of Object.entries(work)) rows.push({ case: `${name}: ${title}`, value, unit })
  if (seconds) rows.push({ case: `${name}: training`, value: seconds, unit: 's' })
}
report(engine, rows)
process.exit()
