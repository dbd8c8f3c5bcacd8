// Pretext tasks on CIFAR-10 with the four-layer ConvNet: task accuracy on test images, and kNN and linear probe of the features, compared
// with random weights encoded in the same way. Results are saved in .cache/bench-pretext, and an interrupted run resumes; delete it to
// start again. SELFSUP_METHODS=rotation,jigsaw measures only those; saved results are always shown. SELFSUP_EPOCHS and SELFSUP_SET, options
// of the methods as JSON by name, are for trials.
import { join } from 'node:path'
import { keeping } from './keeping.mjs'
import { load, prepared, quick, report } from './packages.mjs'

const { imagenetNormalisation: normalisation } = await load('augment')
const { convnet } = await load('backbones')
const { encoderOf } = await load('core')
const { openImages } = await load('data')
const { extractFeatures, knn, linearProbe } = await load('evaluation')
const { jigsawDefinition, relativePatchDefinition, rotationDefinition, taskAccuracy } = await load('pretext')
const { recommendedSettings } = await load('train')
const engine = await prepared()
const folder = process.env.SELFSUP_CIFAR10
const only = process.env.SELFSUP_METHODS?.split(',')
const trial = process.env.SELFSUP_SET
const set = JSON.parse(trial ?? '{}')
const epochs = Number(process.env.SELFSUP_EPOCHS) || (quick ? 2 : 10)
const kept = keeping(`bench-pretext/${quick ? 'quick' : `${epochs}-epochs`}${trial ? '-trial' : ''}`)
const pictures = { size: 32, channels: 3 }

// Settings for ten epochs on two cores; the papers train for hundreds of epochs.
const cases = {
  rotation: { definition: rotationDefinition, options: { minScale: 0.7, hidden: 256 } },
  'relative-patch': { definition: relativePatchDefinition, options: {} },
  jigsaw: { definition: jigsawDefinition, options: { permutations: 64 } },
}

/** Accuracy of kNN and linear probe. */
async function judge(method, [known, asked]) {
  const options = { normalisation, size: pictures.size, engine }
  const encode = encoderOf(method)
  const features = [
    await extractFeatures(encode, known, options),
    await extractFeatures(encode, asked, options),
  ]
  const { accuracy: neighbours } = await knn(...features)
  const { accuracy: linear } = await linearProbe(...features, { l2: [1e-4] })
  return { knn: neighbours, linear }
}

/** Trains, and prints the running accuracy of the task after each epoch. */
async function learn(name, definition, method, dataset, settings) {
  let accuracy
  return kept.learn(name, method, dataset, {
    ...recommendedSettings(definition.training(method.options), { epochs, ...settings }),
    engine,
    seed: 1,
    onStep: ({ metrics }) => {
      accuracy = 0.98 * (accuracy ?? metrics.accuracy) + 0.02 * metrics.accuracy
    },
    onEpoch: ({ epoch, loss }) =>
      console.error(
        `${name}: epoch ${epoch + 1} loss ${loss.toFixed(4)} accuracy ${(100 * accuracy).toFixed(1)}`,
      ),
  })
}

async function measured(name, { definition, options: own, settings = {} }, data) {
  const options = { ...own, ...set[name] }
  const input = definition.backboneInput?.(pictures, { ...defaults(definition), ...options }) ?? pictures
  const backbone = convnet({ ...input, seed: 1 })
  const method = definition.create(backbone, options, { seed: 1, pictures })
  const random = await judge(method, data)
  console.error(`${name}: random weights ${JSON.stringify(random)}`)
  const { seconds } = await learn(name, definition, method, data[0], { ...settings, ...set.settings?.[name] })
  const task = await taskAccuracy(method, data[1], { engine })
  const learned = await judge(method, data)
  console.error(`${name}: task ${JSON.stringify(task)}, ${JSON.stringify(learned)}`)
  method.dispose()
  backbone.dispose()
  return { task, learned, random, seconds }
}

const defaults = ({ options }) =>
  Object.fromEntries(Object.entries(options).map(([name, option]) => [name, option.default]))

const data = [await openImages(join(folder, 'train')), await openImages(join(folder, 'test'))]
const rows = []
for (const [name, settings] of Object.entries(cases)) {
  const found = await kept.once(name, () => measured(name, settings, data), !only || only.includes(name))
  if (!found) continue
  kept.forget(name)
  const { task, learned, random, seconds } = found
  const percent = (title, part) => rows.push({ case: `${name}: ${title}`, value: 100 * part, unit: '%' })
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
