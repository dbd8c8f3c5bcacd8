/** @import { BackboneInput, ImageDataset, ImageShape, Method, MethodDefinition, MethodOptions, OptionValues, Step } from '@selfsup/core' */
/** @import { Features } from '@selfsup/evaluation' */
/** @import { Autoencoder, ContextEncoder, SplitBrain } from '@selfsup/generative' */
/** @import { Tensor, Tensor4D, TensorContainer } from '@tensorflow/tfjs-core' */
/** @import { LayersModel } from '@tensorflow/tfjs-layers' */
/** @typedef {readonly [train: ImageDataset, test: ImageDataset]} Data */
// Autoencoders on CIFAR-10 with the four-layer ConvNet (the masked one with a small vision transformer): kNN and linear probe, compared with
// random weights encoded in the same way, and reconstruction errors on test images; a denoising one on MNIST. Results are saved in
// .cache/bench-generative, and an interrupted run resumes; delete it to start again. SELFSUP_METHODS=mae,split-brain measures only those;
// saved results are always shown. SELFSUP_EPOCHS, SELFSUP_COUNT (training images) and SELFSUP_SET, options of the methods as JSON by name,
// are for trials.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { keeping } from './keeping.mjs'
import { bare, load, prepared, quick, report, required } from './packages.mjs'

const tf = await bare('@tensorflow/tfjs-core', 'generative')
const { convnet, visionTransformer } = await load('backbones')
const { encoderOf, resolveOptions } = await load('core')
const { openImages } = await load('data')
const { extractFeatures, knn, linearProbe } = await load('evaluation')
const generative = await load('generative')
const { recommendedSettings } = await load('train')
const engine = await prepared()
const only = process.env.SELFSUP_METHODS?.split(',')
const trial = process.env.SELFSUP_SET ?? process.env.SELFSUP_COUNT
/** @type {Readonly<Record<string, object | undefined>> & { readonly settings?: Readonly<Record<string, object>> }} */
const set = JSON.parse(process.env.SELFSUP_SET ?? '{}')
const epochs = Number(process.env.SELFSUP_EPOCHS) || (quick ? 1 : 10)
const limit = Number(process.env.SELFSUP_COUNT) || (quick ? 3000 : undefined)
const name = quick ? 'quick' : `${epochs}-epochs`
const kept = keeping(`bench-generative/autoencoders-${name}${trial ? '-trial' : ''}`)
const mnist =
  process.env.SELFSUP_MNIST ?? fileURLToPath(new URL('../../../shared/data/mnist', import.meta.url))
const cifar = /** @type {const} */ ({ size: 32, channels: 3 })
const digits = /** @type {const} */ ({ size: 28, channels: 1 })
/** @param {BackboneInput & { readonly seed: number }} input */
const vit = (input) => visionTransformer('small-vit', input, { width: 128, depth: 4, heads: 4 })

// For ten epochs on two cores: decoders of a quarter of the default width.
const light = { width: 8 }
const rate = { learningRate: 2e-3 }
/** @type {Readonly<Record<string, () => ReturnType<typeof measured>>>} */
const cases = {
  autoencoder: () => measured('autoencoder', generative.autoencoderDefinition, light, reconstruction),
  denoising: () => measured('denoising', generative.denoisingDefinition, light, reconstruction),
  'context-encoder': () =>
    measured(
      'context-encoder',
      generative.contextEncoderDefinition,
      { ...light, discriminatorWidth: 16 },
      inpainting,
    ),
  'split-brain': () =>
    measured(
      'split-brain',
      generative.splitBrainDefinition,
      { width: 16, colourBin: 20, lightnessBin: 5 },
      colourisation,
    ),
  mae: () =>
    measured('mae', generative.maskedAutoencoderDefinition, { decoderDepth: 1 }, undefined, {
      backbone: vit,
      settings: { learningRate: 1e-3, warmupEpochs: 1 },
    }),
  'denoising on MNIST': () =>
    measured('denoising on MNIST', generative.denoisingDefinition, { ...light, level: 0.5 }, reconstruction, {
      imageShape: digits,
    }),
}

/**
 * Means over a dataset's images of the values that `measure` returns for batches of them, by name.
 * @template {string} Name
 * @template {TensorContainer} Views
 * @param {Method<Views>} method
 * @param {ImageDataset} dataset
 * @param {(views: Views) => Readonly<Record<Name, Tensor>>} measure
 * @returns {Promise<Record<Name, number>>}
 */
async function meanOf(method, dataset, measure) {
  /** @type {Name[]} */
  let names = []
  const compiled = engine.compile((/** @type {Tensor4D} */ images) => {
    /** @type {Step} */
    const step = {
      seed: tf.tensor1d([1, 2], 'int32'),
      progress: tf.scalar(1),
      epoch: tf.scalar(0),
      phase: 'main',
    }
    const none = tf.tensor1d(Array(images.shape[0]).fill(-1), 'int32')
    const measured = measure(method.views({ images, labels: none, indices: none }, step))
    names = /** @type {Name[]} */ (Object.keys(measured))
    return tf.stack(names.map((name) => measured[name]))
  })
  /** @type {number[]} */
  let sums = []
  let count = 0
  for await (const { images } of dataset.batches({ batchSize: 250, limit })) {
    if (!images) throw new Error('a batch has no images')
    const { data, shape } = images
    const input = tf.tensor4d(data, [...shape], 'int32')
    const found = compiled(input)
    const values = await found.data()
    tf.dispose([input, found])
    sums = Array.from(values, (value, i) => value * shape[0] + (sums[i] ?? 0))
    count += shape[0]
  }
  compiled.dispose()
  const means = names.map((name, i) => [name, (sums[i] ?? Number.NaN) / count])
  return /** @type {Record<Name, number>} */ (Object.fromEntries(means))
}

/** @param {Tensor} a @param {Tensor} b */
const squaredError = (a, b) => tf.mean(tf.squaredDifference(a, b))

/**
 * Root mean squared errors of pixels, 0..1.
 * @param {Method} method
 * @param {ImageDataset} dataset
 */
async function reconstruction(method, dataset) {
  const autoencoder = /** @type {Autoencoder} */ (/** @type {unknown} */ (method))
  /** @param {Tensor4D} x */
  const pixels = (x) => generative.toPixels(x, normalisationOf(method))
  const { made, given, mean } = await meanOf(autoencoder, dataset, ({ input, target }) => ({
    made: squaredError(autoencoder.reconstruct(input), pixels(target)),
    given: squaredError(pixels(input), pixels(target)),
    mean: squaredError(tf.mean(pixels(target), [1, 2], true), pixels(target)),
  }))
  /** @type {Record<string, number>} */
  const rows = { 'reconstruction error': Math.sqrt(made) }
  if (given > 0) rows['error of the noisy input'] = Math.sqrt(given)
  rows["error of each image's mean"] = Math.sqrt(mean)
  return rows
}

/**
 * Root mean squared errors of pixels in the hole, 0..1.
 * @param {Method} method
 * @param {ImageDataset} dataset
 */
async function inpainting(method, dataset) {
  const { holeError, meanColour, toPixels } = generative
  const encoder = /** @type {ContextEncoder} */ (/** @type {unknown} */ (method))
  /** @param {Tensor4D} x */
  const pixels = (x) => toPixels(x, normalisationOf(method))
  const { made, around, all } = await meanOf(encoder, dataset, (views) => {
    const { images, hole } = views
    const truth = pixels(images)
    return {
      made: holeError(tf.clipByValue(pixels(encoder.inpaint(views)), 0, 1), truth, hole),
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

/**
 * Root mean squared errors of a and b, and of lightness, in Lab units.
 * @param {Method} method
 * @param {ImageDataset} dataset
 */
async function colourisation(method, dataset) {
  const splitBrain = /** @type {SplitBrain} */ (/** @type {unknown} */ (method))
  const { colour, grey, a, b, lightness, black, l } = await meanOf(splitBrain, dataset, (views) => {
    const [made, truth] = [splitBrain.predict(views, 1), splitBrain.truth(views)]
    const [a, b] = /** @type {[Tensor, Tensor]} */ (tf.split(truth.colour, 2, 3))
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

/**
 * Accuracy of kNN and linear probe.
 * @param {Method} method
 * @param {Data} data
 * @param {ImageShape} shape
 */
async function evaluate(method, [train, test], { size }) {
  const options = { normalisation: normalisationOf(method), size, engine, limit }
  const encode = encoderOf(method)
  /** @type {[Features, Features]} */
  const features = [
    await extractFeatures(encode, train, options),
    await extractFeatures(encode, test, options),
  ]
  const { accuracy: neighbours } = await knn(...features)
  const { accuracy: linear } = await linearProbe(...features, { l2: [1e-4] })
  return { knn: neighbours, linear }
}

/**
 * @param {Method} method
 * @returns {import('@selfsup/core').Normalisation}
 */
function normalisationOf({ name, normalisation }) {
  if (!normalisation) throw new Error(`${name} does not say how it normalises pixels`)
  return normalisation
}

/**
 * @template {MethodOptions} Options
 * @param {string} name
 * @param {MethodDefinition<Options>} definition
 * @param {Partial<OptionValues<Options>>} own
 * @param {((method: Method, dataset: ImageDataset) => Promise<Record<string, number>>) | undefined} errorsOf
 * @param {{
 *   readonly imageShape?: ImageShape
 *   readonly backbone?: (input: BackboneInput & { readonly seed: number }) => LayersModel
 *   readonly settings?: object
 * }} [other]
 */
async function measured(
  name,
  definition,
  own,
  errorsOf,
  { imageShape = cifar, backbone: network = convnet, settings } = {},
) {
  const data = await open(imageShape)
  const options = resolveOptions(definition, { ...own, ...set[name] })
  const input = definition.backboneInput?.(imageShape, options) ?? imageShape
  const backbone = network({ ...input, seed: 1 })
  const method = definition.create(backbone, options, {
    seed: 1,
    imageShape,
    makeBackbone: network,
  })
  const random = await evaluate(method, data, imageShape)
  console.error(`${name}: random weights ${JSON.stringify(random)}`)
  const recommended = recommendedSettings(definition.training(options), {
    epochs,
    ...rate,
    ...settings,
    ...set.settings?.[name],
  })
  const { seconds } = await kept.learn(name, method, data[0], {
    ...recommended,
    engine,
    seed: 1,
    ...(limit && { maxSteps: Math.ceil((epochs * limit) / recommended.batchSize) }),
    onEpoch: ({ epoch, loss }) => console.error(`${name}: epoch ${epoch + 1} loss ${loss.toFixed(4)}`),
  })
  const learned = await evaluate(method, data, imageShape)
  const work = (await errorsOf?.(method, data[1])) ?? {}
  console.error(`${name}: ${JSON.stringify({ ...learned, ...work, seconds })}`)
  method.dispose()
  backbone.dispose()
  await Promise.all(data.map((dataset) => dataset.close?.()))
  return { learned, random, work, seconds }
}

/** @param {ImageShape} shape @returns {Promise<[ImageDataset, ImageDataset]>} */
async function open(shape) {
  if (shape === digits) return [await openImages(mnist), await openImages(mnist, { split: 'test' })]
  const folder = required('SELFSUP_CIFAR10')
  return [await openImages(join(folder, 'train')), await openImages(join(folder, 'test'))]
}

/** @type {import('./built.js').Row[]} */
const rows = []
for (const [name, measure] of Object.entries(cases)) {
  const found = await kept.onceIf(name, measure, !only || only.includes(name))
  if (!found) continue
  kept.forget(name)
  const { learned, random, work, seconds } = found
  /** @type {(title: string, part: number) => void} */
  const percent = (title, part) => {
    rows.push({ case: `${name}: ${title}`, value: 100 * part, unit: '%' })
  }
  percent('kNN', learned.knn)
  percent('kNN of random weights', random.knn)
  percent('linear probe', learned.linear)
  percent('linear probe of random weights', random.linear)
  const unit = name === 'split-brain' ? 'of Lab' : 'of 1'
  for (const [title, value] of Object.entries(work)) rows.push({ case: `${name}: ${title}`, value, unit })
  if (seconds) rows.push({ case: `${name}: training`, value: seconds, unit: 's' })
}
report(engine, rows)
process.exit()
