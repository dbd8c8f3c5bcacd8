// One process of distributed.mjs: node distributed-worker.mjs JOB. Prints one JSON line for each task.
import { setTimeout } from 'node:timers/promises'
import { bare, load } from './packages.mjs'

/** @import { Method } from '@selfsup/core' */
/** @import { Engine } from '@selfsup/engine' */

/**
 * @typedef {object} TrainTask
 * @property {'train'} kind
 * @property {string} out
 * @property {string} method
 * @property {Record<string, number | string | boolean>} options
 * @property {number} size
 * @property {number} images
 * @property {number} batchSize
 * @property {number} steps
 * @property {number} learningRate
 * @property {number} [seed]
 * @property {number} [order] reorder the images of each batch after their views are drawn: the same numbers but for rounding
 */
/** @typedef {{ kind: 'step', images: number, workers: number, times: number, syncBatchNorm: boolean }} StepTask */

/**
 * @typedef {object} Job
 * @property {string[]} [addresses]
 * @property {number} [rank]
 * @property {(TrainTask | { kind: 'all-reduce', values: number, times: number } | StepTask)[]} tasks
 */

/** @type {Job} */
const { addresses, rank = 0, tasks } = JSON.parse(process.argv[2] ?? '')
const { prepareEngine } = await load('engine')
const engine = await prepareEngine({
  engine: 'tensorflow',
  threads: 1,
  mixedPrecision: 'off',
  ...(addresses && { workers: { addresses, rank } }),
})
await engine.workers?.waitForAll(120_000)
const tf = await bare('@tensorflow/tfjs-core')

for (const task of tasks) {
  const result =
    task.kind === 'train'
      ? await train(task)
      : task.kind === 'step'
        ? await step(task)
        : await allReduce(task.values, task.times)
  console.log(JSON.stringify(result))
}
await setTimeout(2000) // the other workers may still be receiving this one's last values
process.exit(0)

/** @param {TrainTask} task */
async function train({
  out,
  method: name,
  options,
  size,
  images,
  batchSize,
  steps,
  learningRate,
  seed = 7,
  order,
}) {
  const { defaultNormalisation, makeMethod } = await load('runs')
  const { openImages } = await load('data')
  const dataset = await openImages('shapes', { imageSize: size, count: images })
  const normalisation = await defaultNormalisation(3)
  const imageShape = { size, channels: 3 }
  const made = await makeMethod({
    method: name,
    options,
    imageShape,
    normalisation,
    backbone: 'convnet',
    seed: 3,
  })
  const method = order ? reordered(made, batchSize, order) : made
  const { train } = await load('train')
  const { loss } = await train(method, dataset, {
    out,
    engine,
    epochs: 1000,
    maxSteps: steps,
    batchSize,
    learningRate,
    optimizer: { name: 'sgd', momentum: 0.9, weightDecay: 1e-4 },
    seed,
    checkpointEvery: 1000,
  })
  method.dispose()
  await dataset.close()
  return { loss }
}

/**
 * A method whose views have the images of a batch in another order. The losses do not depend on the order, so all results are the same
 * but for rounding.
 * @param {Method} method
 * @param {number} batchSize
 * @param {number} seed
 * @returns {Method}
 */
function reordered(method, batchSize, seed) {
  const order = Array.from({ length: batchSize }, (_, i) => i).sort(
    (a, b) => Math.sin(seed * (a + 1)) - Math.sin(seed * (b + 1)),
  )
  /** @param {any} value @returns {any} */
  const moved = (value) => {
    if (Array.isArray(value)) return value.map(moved)
    if (!(value instanceof tf.Tensor)) {
      return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, moved(part)]))
    }
    const copies = (value.shape[0] ?? 0) / batchSize
    const rows = Array.from({ length: copies }, (_, copy) => order.map((row) => copy * batchSize + row))
    return tf.gather(value, tf.tensor1d(rows.flat(), 'int32'))
  }
  return { ...method, views: (batch, step) => moved(method.views(batch, step)) }
}

/**
 * Times the sum of gradients over workers in a compiled step: as many tensors as a ResNet-18 has kernels.
 * @param {number} values
 * @param {number} times
 */
async function allReduce(values, times) {
  const { acrossWorkers, sumOverWorkers } = await load('kernels')
  const rows = { rank, rows: addresses?.map(() => 1) ?? [1] }
  const tensors = Array.from({ length: 20 }, () => tf.fill([values / 20], rank + 1))
  const sum = engine.compile((/** @type {import('@tensorflow/tfjs-core').Tensor[]} */ gradients) =>
    acrossWorkers(rows, () => {
      const sums = Object.values(sumOverWorkers(Object.fromEntries(Object.entries(gradients))))
      return tf.stack(sums.map((x) => tf.slice(x, 0, 1)))
    }),
  )
  const wanted = rows.rows.reduce((total, _, worker) => total + worker + 1, 0)
  const milliseconds = []
  for (let i = 0; i < times + 2; i++) {
    const started = performance.now()
    const first = sum(tensors)
    const numbers = await first.data()
    milliseconds.push(performance.now() - started)
    if (numbers.some((value) => value !== wanted)) throw new Error(`a sum is ${numbers}, expected ${wanted}`)
    first.dispose()
  }
  return { milliseconds: milliseconds.slice(2) }
}

/**
 * Times SimCLR's steps of a ResNet-18 at 32 pixels. Without addresses: the same computation without an exchange.
 * @param {StepTask} task `images` are those of each worker
 */
async function step({ images, workers, times, syncBatchNorm }) {
  const { resnet18 } = await load('backbones')
  const { simclr } = await load('simclr')
  const { trainingStep } = await load('train')
  const method = simclr(resnet18({ size: 32, channels: 3, seed: 1 }))
  const training = trainingStep(method, { name: 'sgd', momentum: 0.9, weightDecay: 5e-4 }, engine)
  const batch = {
    images: /** @type {import('@tensorflow/tfjs-core').Tensor4D} */ (
      tf.cast(tf.randomUniform([images, 32, 32, 3], 0, 255, 'float32', 5 + rank), 'int32')
    ),
    labels: /** @type {import('@tensorflow/tfjs-core').Tensor1D} */ (tf.fill([images], -1, 'int32')),
    indices: tf.range(0, images, 1, 'int32'),
  }
  const rows = addresses && { rank, rows: Array.from({ length: workers }, () => images), syncBatchNorm }
  const milliseconds = []
  /** @type {number[]} */
  const processor = []
  for (let i = 0; i < times + 1; i++) {
    const inputs = {
      seed: tf.tensor1d([1, i], 'int32'),
      learningRate: tf.scalar(0.06),
      highestRate: tf.scalar(0.06),
      progress: tf.scalar(0),
      epoch: tf.scalar(0),
      ...(rows && { stop: tf.scalar(0) }),
    }
    const started = performance.now()
    const before = process.cpuUsage()
    const values = training.run(batch, inputs, undefined, rows)
    await values.data()
    milliseconds.push(performance.now() - started)
    const { user, system } = process.cpuUsage(before)
    processor.push((user + system) / 1000)
    tf.dispose([values, ...Object.values(inputs)])
  }
  training.dispose()
  method.dispose()
  return { milliseconds: milliseconds.slice(1), processor: processor.slice(1) }
}
