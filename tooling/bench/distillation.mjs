// Distillation on CIFAR-10: a teacher is trained with the labels of half of the classes; then a student with a quarter of its weights
// learns from it without labels, on images of all classes. Students of distillation and of SimCLR get the same processor time. All
// features are evaluated on all ten classes. SELFSUP_SECONDS sets the processor seconds of each student. At the end, DIET continues the
// pretraining of the teacher on 2,000 images of the classes whose labels it has not seen, with early stopping by RankMe.
// SELFSUP_TEACHER=FOLDER takes a teacher that was trained before, and SELFSUP_STUDENTS=NAMES trains only those, without DIET.
import { mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { load, prepared, quick, report, required } from './packages.mjs'

const { backboneFromRecipe, convnet } = await load('backbones')
const { imagenetNormalisation: normalisation } = await load('augment')
const { openImages } = await load('data')
const { diet } = await load('diet')
const { distillation } = await load('distillation')
const { effectiveRank, extractFeatures, knn, linearProbe } = await load('evaluation')
const { metricLearning } = await load('metric-learning')
const { loadExported, scoreOf } = await load('runs')
const { simclr } = await load('simclr')
const { recommendedSettings, train } = await load('train')
const engine = await prepared()
const seconds = Number(process.env.SELFSUP_SECONDS ?? (quick ? 10 : 120))

const folder = required('SELFSUP_CIFAR10')
const open = (/** @type {'train' | 'test'} */ split) => openImages(join(folder, split))
const [images, test] = await Promise.all([open('train'), open('test')])
const size = 32
const widths = { teacher: [24, 48, 96, 128], student: [12, 24, 48, 64] }
const out = await mkdtemp(join(tmpdir(), 'selfsup-bench-distillation-'))

/** The same images with the labels of the first five classes only. */
const half = { ...images, labels: () => images.labels()?.map((label) => (label < 5 ? label : -1)) }

const processorSeconds = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** @type {(text: string) => void} */
const note = (text) => console.error(`${processorSeconds().toFixed(0)} s: ${text}`)

/**
 * Trains for a number of processor seconds. The first steps tell how many steps these are, so that the learning rate ends at 0.
 * @param {string} name
 * @param {() => import('@selfsup/core').Method} make
 * @param {import('@selfsup/core').ImageDataset} dataset
 * @param {import('@selfsup/train').TrainSettings} settings
 * @param {number} budget
 */
async function trained(name, make, dataset, settings, budget) {
  const short = 24
  let [began, first] = [0, 0]
  const steps = async (/** @type {number} */ maxSteps, /** @type {string} */ run) => {
    const method = make()
    const onStep = (/** @type {{ step: number }} */ { step }) => {
      if (step === 4) [began, first] = [processorSeconds(), step]
    }
    await train(method, dataset, {
      ...settings,
      epochs: 1000,
      maxSteps,
      seed: 1,
      out: join(out, run),
      engine,
      onStep,
    })
    return method
  }
  const trial = await steps(short, `${name}-trial`)
  const perStep = (processorSeconds() - began) / (short - first)
  trial.dispose()
  trial.networks.backbone.dispose()
  const count = Math.max(50, Math.round(budget / perStep))
  note(`${name}: ${count} steps`)
  return steps(count, name)
}

/** @param {import('@tensorflow/tfjs-layers').LayersModel} backbone */
async function scores(backbone) {
  const of = (/** @type {typeof images} */ dataset, /** @type {number} */ limit) =>
    extractFeatures(backbone, dataset, { normalisation, size, engine, limit })
  const [known, asked] = [await of(images, quick ? 2000 : 10000), await of(test, quick ? 500 : 5000)]
  const { accuracy } = await knn(known, asked, { k: 20 })
  const linear = await linearProbe(known, asked)
  return { knn: 100 * accuracy, linear: 100 * linear.accuracy, rank: await effectiveRank(asked) }
}

/** @type {import('./built.js').Row[]} */
const rows = []
/** @type {(name: string, found: Awaited<ReturnType<typeof scores>>) => void} */
const add = (name, found) => {
  note(
    `${name}: kNN ${found.knn.toFixed(2)}, linear ${found.linear.toFixed(2)}, rank ${found.rank.toFixed(1)}`,
  )
  rows.push({ case: `${name}: kNN`, value: found.knn, unit: '%' })
  rows.push({ case: `${name}: linear`, value: found.linear, unit: '%' })
}

const student = () => convnet({ size, widths: widths.student, seed: 3 })
const untrained = student()
add('student, random weights', await scores(untrained))
untrained.dispose()

const adamw = recommendedSettings({
  ...{ epochs: 100, batchSize: 250, learningRate: 2e-3, scaling: 'none' },
  ...{ schedule: { name: 'cosine' }, optimizer: { name: 'adamw', weightDecay: 0.02 } },
})
const supervised = { labels: /** @type {const} */ ('classes'), perClass: 50, outputs: 64, layers: 2 }
const makeTeacher = () =>
  metricLearning(convnet({ size, widths: widths.teacher, seed: 2 }), supervised, { normalisation })
const model = process.env.SELFSUP_TEACHER
  ? await loadExported(process.env.SELFSUP_TEACHER)
  : (await trained('teacher', makeTeacher, half, adamw, (quick ? 1 : 2) * seconds)).networks.backbone
const teacher = { source: 'teacher', fingerprint: '', model, normalisation }
const ofTeacher = await scores(teacher.model)
add('teacher, with the labels of five classes', ofTeacher)

const methods = {
  distillation: () => distillation(student(), {}, { normalisation, teacher }),
  simclr: () => simclr(student(), { temperature: 0.1 }, { normalisation }),
  'distillation, without maps': () => distillation(student(), { local: 0 }, { normalisation, teacher }),
}
const settings = { ...adamw, batchSize: 256 }
const wanted = process.env.SELFSUP_STUDENTS?.split(',')
for (const [name, make] of Object.entries(methods)) {
  if (wanted && !wanted.includes(name)) continue
  const method = await trained(name, make, images, settings, seconds)
  const found = await scores(method.networks.backbone)
  add(`student, ${name}, ${seconds} s`, found)
  if (name === 'distillation')
    rows.push({
      case: 'student by distillation, of the teacher’s kNN',
      value: (100 * found.knn) / ofTeacher.knn,
      unit: '%',
    })
  method.dispose()
  method.networks.backbone.dispose()
}

if (wanted) {
  await rm(out, { recursive: true, force: true })
  report(engine, rows)
  process.exit()
}

/**
 * A folder with the first images of the classes that the teacher has not seen, as links.
 * @param {'train' | 'test'} split
 * @param {number} perClass
 */
async function unseen(split, perClass) {
  const classes = (await readdir(join(folder, split))).sort().slice(5)
  for (const name of classes) {
    await mkdir(join(out, 'unseen', split, name), { recursive: true })
    const files = (await readdir(join(folder, split, name))).sort().slice(0, perClass)
    for (const file of files)
      await symlink(join(folder, split, name, file), join(out, 'unseen', split, name, file))
  }
  return openImages(join(out, 'unseen', split))
}

const own = await unseen('train', quick ? 100 : 400)
const others = await unseen('test', quick ? 100 : 1000)
/** @param {import('@tensorflow/tfjs-layers').LayersModel} backbone */
const knnOfOthers = async (backbone) => {
  const of = (/** @type {typeof own} */ dataset) =>
    extractFeatures(backbone, dataset, { normalisation, size, engine })
  return 100 * (await knn(await of(own), await of(others), { k: 20 })).accuracy
}
rows.push({ case: 'teacher, unseen classes: kNN', value: await knnOfOthers(teacher.model), unit: '%' })
const continued = backboneFromRecipe({ name: 'convnet', options: { size, widths: widths.teacher, seed: 2 } })
continued.setWeights(teacher.model.getWeights())
const further = diet(continued, {}, { normalisation, imageCount: own.length })
const [rankme, lidar] = [scoreOf(further, own, engine), scoreOf(further, own, engine, { by: 'lidar' })]
const { step } = await train(further, own, {
  ...recommendedSettings({
    ...{ epochs: 30, batchSize: 250, learningRate: 1e-4, scaling: 'none' },
    ...{ schedule: { name: 'cosine', warmupEpochs: 5 }, optimizer: { name: 'adamw', weightDecay: 0.05 } },
  }),
  ...{ checkpointEvery: 20, patience: 5, seed: 1, out: join(out, 'diet'), engine },
  async score() {
    const value = await rankme()
    note(
      `DIET: RankMe ${value.toFixed(2)}, LiDAR ${(await lidar()).toFixed(2)}, kNN ${(await knnOfOthers(continued)).toFixed(2)}`,
    )
    return value
  },
})
rows.push({
  case: `continued by DIET, ${step} steps, unseen classes: kNN`,
  value: await knnOfOthers(continued),
  unit: '%',
})
await rm(out, { recursive: true, force: true })
report(engine, rows)
