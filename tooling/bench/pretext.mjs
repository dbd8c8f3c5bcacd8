/** @import { ImageDataset, Method } from '@selfsup/core' */
/** @import { TrainOptions } from '@selfsup/train' */
// Pretext tasks on CIFAR-10 with the four-layer ConvNet: task accuracy on test images, and kNN and linear probe of the features, compared
// with random weights encoded in the same way. Results are saved in .cache/bench-pretext, and an interrupted run resumes; delete it to
// start again. SELFSUP_METHODS=rotation,jigsaw measures only those; saved results are always shown. SELFSUP_EPOCHS and SELFSUP_SET, options
// of the methods as JSON by name, are for trials.
import { join } from 'node:path'
import { keeping } from './keeping.mjs'
import { load, prepared, quick, report, required } from './packages.mjs'

const { imagenetNormalisation: normalisation } = await load('augment')
const { convnet } = await load('backbones')
const { encoderOf, resolveOptions } = await load('core')
const { openImages } = await load('data')
const { extractFeatures, knn, linearProbe } = await load('evaluation')
const { jigsawDefinition, relativePatchDefinition, rotationDefinition, taskAccuracy } = await load('pretext')
const { recommendedSettings } = await load('train')
const engine = await prepared()
const folder = required('SELFSUP_CIFAR10')
const only = process.env.SELFSUP_METHODS?.split(',')
const trial = process.env.SELFSUP_SET
/** @type {Readonly<Record<string, object | undefined>> & { readonly settings?: Readonly<Record<string, object>> }} */
const set = JSON.parse(trial ?? '{}')
const epochs = Number(process.env.SELFSUP_EPOCHS) || (quick ? 2 : 10)
const kept = keeping(`bench-pretext/${quick ? 'quick' : `${epochs}-epochs`}${trial ? '-trial' : ''}`)
const imageShape = /** @type {const} */ ({ size: 32, channels: 3 })

// Settings for ten epochs on two cores; the papers train for hundreds of epochs.
/** @type {Readonly<Record<string, () => ReturnType<typeof measured>>>} */
const cases = {
  rotation: () => measured('rotation', rotationDefinition, { minScale: 0.7, hidden: 256 }),
  'relative-patch': () => measured('relative-patch', relativePatchDefinition, {}),
  jigsaw: () => measured('jigsaw', jigsawDefinition, { permutations: 64 }),
}

/**
 * Accuracy of kNN and linear probe.
 * @param {Method} method
 * @param {readonly [train: ImageDataset, test: ImageDataset]} data
 */
async function evaluate(method, [train, test]) {
  const options = { normalisation, size: imageShape.size, engine }
  const encode = encoderOf(method)
  /** @type {[import('@selfsup/evaluation').Features, import('@selfsup/evaluation').Features]} */
  const features = [
    await extractFeatures(encode, train, options),
    await extractFeatures(encode, test, options),
  ]
  const { accuracy: neighbours } = await knn(...features)
  const { accuracy: linear } = await linearProbe(...features, { l2: [1e-4] })
  return { knn: neighbours, linear }
}

/**
 * Trains, and prints the running accuracy of the task after each epoch.
 * @param {string} name
 * @param {Method} method
 * @param {ImageDataset} dataset
 * @param {Omit<TrainOptions, 'out' | 'engine'>} settings
 */
async function learn(name, method, dataset, settings) {
  let accuracy = Number.NaN
  return kept.learn(name, method, dataset, {
    ...settings,
    engine,
    seed: 1,
    onStep: ({ metrics }) => {
      const { accuracy: now = Number.NaN } = metrics
      accuracy = Number.isNaN(accuracy) ? now : 0.98 * accuracy + 0.02 * now
    },
    onEpoch: ({ epoch, loss }) =>
      console.error(
        `${name}: epoch ${epoch + 1} loss ${loss.toFixed(4)} accuracy ${(100 * accuracy).toFixed(1)}`,
      ),
  })
}

/**
 * @template {import('@selfsup/core').MethodOptions} Options
 * @param {string} name
 * @param {import('@selfsup/core').MethodDefinition<Options>} definition
 * @param {Partial<import('@selfsup/core').OptionValues<Options>>} own
 */
async function measured(name, definition, own) {
  const options = resolveOptions(definition, { ...own, ...set[name] })
  const input = definition.backboneInput?.(imageShape, options) ?? imageShape
  const backbone = convnet({ ...input, seed: 1 })
  const method = definition.create(backbone, options, { seed: 1, imageShape })
  const random = await evaluate(method, data)
  console.error(`${name}: random weights ${JSON.stringify(random)}`)
  const settings = { epochs, ...set.settings?.[name] }
  const recommended = recommendedSettings(definition.training(options), settings)
  const { seconds } = await learn(name, method, data[0], recommended)
  const task = await taskAccuracy(/** @type {Parameters<typeof taskAccuracy>[0]} */ (method), data[1], {
    engine,
  })
  const learned = await evaluate(method, data)
  console.error(`${name}: task ${JSON.stringify(task)}, ${JSON.stringify(learned)}`)
  method.dispose()
  backbone.dispose()
  return { task, learned, random, seconds }
}

/** @type {[ImageDataset, ImageDataset]} */
const data = [await openImages(join(folder, 'train')), await openImages(join(folder, 'test'))]
/** @type {import('./built.js').Row[]} */
const rows = []
for (const [name, measure] of Object.entries(cases)) {
  const found = await kept.onceIf(name, measure, !only || only.includes(name))
  if (!found) continue
  kept.forget(name)
  const { task, learned, random, seconds } = found
  /** @type {(title: string, part: number) => void} */
  const percent = (title, part) => {
    rows.push({ case: `${name}: ${title}`, value: 100 * part, unit: '%' })
  }
  percent('task accuracy on test images', task.accuracy)
  percent('chance', task.chance)
  percent('kNN', learned.knn)
  percent('kNN of random weights', random.knn)
  percent('linear probe', learned.linear)
  percent('linear probe of random weights', random.linear)
  if (seconds) rows.push({ case: `${name}: training`, value: seconds, unit: 's' })
}
report(engine, rows)
process.exit()
