/** @import { HostBatch, ImageDataset, Method, OptimizerSettings } from '@selfsup/core' */
/** @import { Engine } from '@selfsup/engine' */
// The parts of `pnpm bench gpu-check`, each in a process of its own, since TensorFlow reads its settings when it is loaded:
//   node gpu-check-work.mjs check | step | start | checkpoint | method NAME
// The last line of output is { engine, rows }.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bare, load, median, prepared, report } from './packages.mjs'

const dry = process.env.SELFSUP_DRY === '1'
const sizes = dry
  ? { batch: 8, images: 64, steps: 3, runs: 2, most: 400 }
  : { batch: 512, images: 51_200, steps: 20, runs: 5, most: 3000 }
/** @type {OptimizerSettings} */
const optimizer = { name: 'sgd', momentum: 0.9, weightDecay: 5e-4 }
const learningRate = 0.06

const [part = '', argument = ''] = process.argv.slice(2)
const started = performance.now()
const seconds = () => (performance.now() - started) / 1000
const tf = await bare('@tensorflow/tfjs-core')
/** @type {Record<string, (engine: Engine) => Promise<import('./built.js').Row[]>>} */
const parts = { check, step, start, checkpoint, method: (engine) => method(engine, argument) }
const run = parts[part]
if (!run) throw new Error(`unknown part ${part}`)
const engine = await prepared()
if (process.env.SELFSUP_NEEDS_GPU === '1' && !engine.gpu)
  throw new Error(`${engine.description}: no NVIDIA GPU, or TensorFlow without CUDA`)
report(engine, await run(engine))
process.exit()

/** @param {Engine} engine */
async function check(engine) {
  const { checkDevice, findTensorflow } = await load('tensorflow')
  await checkDevice(findTensorflow()?.folder ?? '')
  return [
    { case: 'engine starts and checks the device', value: seconds(), unit: 's' },
    { case: 'on a GPU', value: Number(engine.gpu), unit: 'of 1' },
  ]
}

async function simclr() {
  const { convnet, resnet18 } = await load('backbones')
  const { simclr } = await load('simclr')
  return simclr(dry ? convnet({ size: 32, widths: [8, 16] }) : resnet18({ size: 32, stem: 'cifar' }))
}

/** SimCLR with its views on a batch that is on the device: the first step, when XLA takes over, and the speed after that. */
async function step(/** @type {Engine} */ engine) {
  const method = await simclr()
  const { trainingStep } = await load('train')
  const step = trainingStep(method, optimizer, engine, { steps: 1e5 })
  const images = batchOf(sizes.batch, 1)
  const batch = {
    images: tf.tensor4d(images.images.data, images.images.shape, 'int32'),
    labels: tf.tensor1d(images.labels, 'int32'),
    indices: tf.tensor1d(images.indices, 'int32'),
  }
  let count = 0
  const once = () => {
    const inputs = {
      seed: tf.tensor1d([1, count++], 'int32'),
      learningRate: tf.scalar(learningRate),
      highestRate: tf.scalar(learningRate),
      progress: tf.scalar(0),
      epoch: tf.scalar(0),
    }
    const values = step.run(batch, inputs)
    tf.dispose(inputs)
    return values
  }
  const loss = async (/** @type {import('@tensorflow/tfjs-core').Tensor} */ values) => {
    const [value] = await values.data()
    values.dispose()
    if (!Number.isFinite(value)) throw new Error(`the loss is ${value} at step ${count}`)
    return value
  }
  const begun = performance.now()
  const since = () => (performance.now() - begun) / 1000
  const first = await loss(once())
  const rows = [
    { case: 'first step, from the start of the process', value: seconds(), unit: 's' },
    { case: 'first step', value: since(), unit: 's' },
    { case: 'first loss', value: first ?? Number.NaN, unit: '' },
  ]
  if (step.compiling) {
    let without = 0
    while (step.compiling && count < sizes.most * 10) {
      await loss(once())
      without++
    }
    rows.push({ case: 'XLA takes over after', value: since(), unit: 's' })
    rows.push({ case: 'steps without XLA until then', value: without, unit: '' })
  }
  rows.push({ case: 'by XLA', value: Number(step.byXla), unit: 'of 1' })
  const speeds = []
  let last
  for (let run = 0; run < sizes.runs; run++) {
    const from = performance.now()
    for (let i = 0; i < sizes.steps - 1; i++) once().dispose()
    last = await loss(once())
    speeds.push((sizes.batch * sizes.steps * 1000) / (performance.now() - from))
  }
  rows.push({ case: 'speed with views', value: median(speeds.slice(1)), unit: 'images/s' })
  rows.push({ case: 'last loss', value: last ?? Number.NaN, unit: '' })
  step.dispose() // the same step of a run has the same name then, and is not compiled again
  tf.dispose(batch)
  method.networks.backbone.dispose()
  method.dispose()
  return rows
}

/** A training run, against its own step: the same step as `step`, with images from memory, metrics and checkpoints. */
async function start(/** @type {Engine} */ engine) {
  const own = await step(engine)
  const bare = own.find(({ case: name }) => name === 'speed with views')?.value ?? Number.NaN
  const { rate, first } = await training(engine, { checkpointEvery: 1e6 })
  return [
    { case: 'first step of a run', value: first, unit: 's' },
    { case: 'its step alone', value: bare, unit: 'images/s' },
    { case: 'run', value: rate, unit: 'images/s' },
    { case: 'run, of its step', value: rate / bare, unit: 'of 1' },
  ]
}

/** What checkpoints cost: the speed of a run with few and with many, and the GPU's utilisation with many. */
async function checkpoint(/** @type {Engine} */ engine) {
  const few = await training(engine, { checkpointEvery: 1e6 })
  const watched = watchGpu()
  const many = await training(engine, { checkpointEvery: dry ? 2 : 25 })
  const use = watched.stop()
  return [
    { case: 'without checkpoints', value: few.rate, unit: 'images/s' },
    { case: 'with a checkpoint every few steps', value: many.rate, unit: 'images/s' },
    { case: 'longest step with checkpoints', value: many.longest, unit: 's' },
    { case: 'longest step without', value: few.longest, unit: 's' },
    ...(use.length > 0
      ? [
          {
            case: 'utilisation with checkpoints, mean',
            value: use.reduce((a, b) => a + b) / use.length,
            unit: '%',
          },
          { case: 'utilisation with checkpoints, least', value: Math.min(...use), unit: '%' },
        ]
      : []),
  ]
}

/** Utilisation of the GPU every 100 ms, as nvidia-smi reports it. Empty without nvidia-smi. */
function watchGpu() {
  /** @type {number[]} */
  const seen = []
  const query = ['--query-gpu=utilization.gpu', '--format=csv,noheader,nounits', '-lms', '100']
  const child = spawn('nvidia-smi', query, { stdio: ['ignore', 'pipe', 'ignore'] })
  child.on('error', () => {})
  child.stdout?.on('data', (text) => {
    for (const line of String(text).split('\n')) if (/^\s*\d+\s*$/.test(line)) seen.push(Number(line))
  })
  return {
    stop() {
      child.kill()
      return seen.slice(5) // the beginning
    },
  }
}

/**
 * Speed of a run from its 20th step on, the time until its first, and its longest step after that.
 * @param {Engine} engine
 * @param {{ checkpointEvery: number }} settings
 */
async function training(engine, { checkpointEvery }) {
  const { train } = await load('train')
  const scratch = mkdtempSync(join(tmpdir(), 'selfsup-gpu-check-'))
  const method = await simclr()
  const steps = dry ? 12 : 400
  const skip = dry ? 3 : 100
  /** @type {number[]} */
  const at = []
  const begun = performance.now()
  try {
    await train(method, noise(sizes.images), {
      out: join(scratch, 'run'),
      engine,
      epochs: Math.ceil((steps * sizes.batch) / sizes.images),
      maxSteps: steps,
      batchSize: sizes.batch,
      learningRate,
      optimizer,
      checkpointEvery,
      onStep: () => at.push(performance.now()),
    })
  } finally {
    rmSync(scratch, { recursive: true, force: true })
    method.networks.backbone.dispose()
    method.dispose()
  }
  const measured = at.slice(skip)
  const [from = 0, to = 0] = [measured[0], measured.at(-1)]
  const longest = Math.max(...measured.slice(1).map((time, i) => (time - (measured[i] ?? time)) / 1000))
  return {
    first: ((at[0] ?? Number.NaN) - begun) / 1000,
    rate: ((measured.length - 1) * sizes.batch * 1000) / (to - from),
    longest,
  }
}

/** Losses of a method's first steps. @param {Engine} engine @param {string} name */
async function method(engine, name) {
  const { findMethod, makeMethod } = await load('runs')
  const { convnet } = await load('backbones')
  const { resolveOptions } = await load('core')
  const { imagenetNormalisation } = await load('augment')
  const { trainingStep } = await load('train')
  const { shapes } = await load('data')
  const definition = await findMethod(name)
  const options = resolveOptions(definition, {})
  const size = 32
  const model = definition.needsTeacher ? convnet({ size, widths: [8, 16], seed: 4 }) : undefined
  /** @type {Method} */
  const made = await makeMethod({
    method: name,
    options,
    imageShape: { size, channels: 3 },
    backbone: definition.backbone ?? 'convnet',
    seed: 1,
    imageCount: 256,
    teacher: model && { source: 'drawn', fingerprint: '', model, normalisation: imagenetNormalisation },
  })
  const settings = definition.training(options)
  const step = trainingStep(made, /** @type {OptimizerSettings} */ (settings.optimizer), engine, {
    steps: 1e5,
  })
  const batchSize = dry ? 16 : 64
  const data = shapes({ size, count: 256 })
  const rows = []
  let count = 0
  const steps = dry ? 2 : 20
  while (count < steps)
    for await (const host of data.batches({
      batchSize,
      crops: made.crops,
      shuffle: [3, count],
      dropLast: true,
      seedOf: (/** @type {number} */ i) => [3, i],
    })) {
      if (count >= steps) break
      const series = /** @type {number[]} */ (made.networks.backbone.inputs[0]?.shape.slice(1) ?? [])
      const pixels = (/** @type {import('@selfsup/core').HostImages} */ { data, shape }) =>
        tf.tensor4d(data, [...shape], 'int32')
      const batch = {
        ...(series.length === 3 && host.images && { images: pixels(host.images) }),
        ...(host.crops && { crops: host.crops.map(pixels) }),
        ...(series.length < 3 && {
          values: tf.randomUniform([batchSize, ...series], -1, 1, 'float32', count),
        }),
        labels: tf.tensor1d(host.labels, 'int32'),
        indices: tf.tensor1d(host.indices, 'int32'),
      }
      const inputs = {
        seed: tf.tensor1d([3, count], 'int32'),
        learningRate: tf.scalar(settings.learningRate / 10),
        highestRate: tf.scalar(settings.learningRate / 10),
        progress: tf.scalar(count / steps),
        epoch: tf.scalar(0),
      }
      const phases = made.phasesAt?.({ step: count, epoch: 0 })
      const values = step.run(batch, inputs, phases)
      const { loss } = await step.read(values, phases)
      rows.push({ case: `step ${++count}`, value: loss, unit: '' })
    }
  return rows
}

/** Images of noise in memory, so that nothing but the loop is measured. @param {number} length @returns {ImageDataset} */
function noise(length) {
  return {
    name: 'noise',
    length,
    channels: 3,
    imageSize: [32, 32],
    fingerprint: `noise ${length}`,
    labels: () => undefined,
    async *batches({ batchSize, startBatch = 0, endBatch = Number.POSITIVE_INFINITY, signal }) {
      const last = Math.min(endBatch, Math.floor(length / batchSize))
      for (let number = startBatch; number < last && !signal?.aborted; number++)
        yield batchOf(batchSize, number)
    },
    skipped: () => [],
    close: async () => {},
  }
}

/**
 * @param {number} batchSize
 * @param {number} number
 * @returns {HostBatch & { images: { data: Uint8Array, shape: [number, number, number, number] } }}
 */
function batchOf(batchSize, number) {
  const data = new Uint8Array(batchSize * 32 * 32 * 3)
  let state = number * 7919 + 1
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    data[i] = state >>> 24
  }
  return {
    images: { data, shape: [batchSize, 32, 32, 3] },
    labels: new Int32Array(batchSize).fill(-1),
    indices: Int32Array.from({ length: batchSize }, (_, i) => number * batchSize + i),
  }
}
