// Distillation on CIFAR-10: a teacher is trained with the labels of half of the classes; then a student with a quarter of its weights
// learns from it without labels, on images of all classes. Students of distillation and of SimCLR get the same processor time. All
// features are evaluated on all ten classes. SELFSUP_SECONDS sets the processor seconds of each student.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { load, prepared, quick, report, required } from './packages.mjs'

const { convnet } = await load('backbones')
const { imagenetNormalisation: normalisation } = await load('augment')
const { openImages } = await load('data')
const { distillation } = await load('distillation')
const { effectiveRank, extractFeatures, knn, linearProbe } = await load('evaluation')
const { metricLearning } = await load('metric-learning')
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
const supervised = { labels: /** @type {const} */ ('classes'), perClass: 50, outputs: 64 }
const makeTeacher = () =>
  metricLearning(convnet({ size, widths: widths.teacher, seed: 2 }), supervised, { normalisation })
const taught = await trained('teacher', makeTeacher, half, adamw, (quick ? 1 : 2) * seconds)
const teacher = { source: 'teacher', fingerprint: '', model: taught.networks.backbone, normalisation }
const ofTeacher = await scores(teacher.model)
add('teacher, with the labels of five classes', ofTeacher)

const methods = {
  distillation: () => distillation(student(), {}, { normalisation, teacher }),
  simclr: () => simclr(student(), { temperature: 0.1 }, { normalisation }),
  'distillation, without maps': () => distillation(student(), { local: 0 }, { normalisation, teacher }),
}
const settings = { ...adamw, batchSize: 256 }
for (const [name, make] of Object.entries(methods)) {
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
await rm(out, { recursive: true, force: true })
report(engine, rows)
