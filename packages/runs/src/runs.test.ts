import { createHash } from 'node:crypto'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { convnet } from '@selfsup/backbones'
import { encoderOf, type Method, type Normalisation } from '@selfsup/core'
import { shapes } from '@selfsup/data'
import { type Engine, prepareEngine } from '@selfsup/engine'
import { extractFeatures } from '@selfsup/evaluation'
import { readRun } from '@selfsup/run-folder'
import { simclr } from '@selfsup/simclr'
import { readSafetensors, train } from '@selfsup/train'
import * as tf from '@tensorflow/tfjs-core'
import { layers, sequential } from '@tensorflow/tfjs-layers'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  defaultNormalisation,
  disposeMethod,
  methodOfRun,
  openExportedModel,
  openImagesOfRun,
  openRun,
  openSubject,
} from './index.js'

let engine: Engine
let folder: string
beforeAll(async () => {
  engine = await prepareEngine({ engine: 'wasm' })
})
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selfsup-runs-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** Different from every default. */
const normalisation: Normalisation = { mean: [0.1, 0.2, 0.3], std: [0.9, 0.8, 0.7] }
const settings = { epochs: 3, batchSize: 8, learningRate: 0.05, seed: 3, checkpointEvery: 4 }
const images = () => shapes({ size: 8, count: 32 })

/** A user-defined backbone: it has no recipe. */
const own = () =>
  sequential({
    name: 'own',
    layers: [
      layers.conv2d({
        inputShape: [8, 8, 3],
        filters: 4,
        kernelSize: 3,
        strides: 2,
        kernelInitializer: layersInitializer(1),
      }),
      layers.flatten(),
      layers.dense({ units: 6, kernelInitializer: layersInitializer(2) }),
    ],
  })
const layersInitializer = (seed: number) => ({ className: 'GlorotUniform', config: { seed } }) as never

/** A user-defined method, which is not in the registry. */
function halves(backbone = own(), given: Partial<Method> = {}): Method {
  return {
    name: 'halves',
    normalisation,
    networks: { backbone },
    state: {},
    crops: [],
    views: ({ images }) => tf.div(tf.cast(images!, 'float32'), 255),
    loss: (views) => {
      const features = backbone.apply(views as tf.Tensor, { training: true }) as tf.Tensor2D
      return { loss: tf.mean(tf.squaredDifference(features, 0.5)) as tf.Scalar, features }
    },
    dispose() {},
    ...given,
  }
}

const weightsOf = async (checkpoint: string) => (await readSafetensors(checkpoint)).tensors
/** Exported models use TensorFlow.js's own batch normalisation, which rounds differently. */
const difference = (a: Float32Array, b: Float32Array) => {
  expect(a.length).toBe(b.length)
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i]!)), 0)
}
const featuresBy = async (run: Awaited<ReturnType<typeof openRun>>) => {
  const { normalisation, encode, imageShape } = run
  const { values } = await extractFeatures(encode, images(), { normalisation, size: imageShape.size, engine })
  return values
}

const backbones = {
  'a backbone of @selfsup/backbones with options': () => convnet({ size: 8, widths: [4, 8], seed: 7 }),
  'a user-defined backbone': own,
}

test.each(Object.entries(backbones))(
  'opens a run made in TypeScript with %s; its features equal those of the program',
  async (_, make) => {
    const out = join(folder, 'run')
    const backbone = make()
    const { checkpoint } = await train(simclr(backbone, { outputs: 8 }, { normalisation }), images(), {
      ...settings,
      out,
      engine,
    })
    const expected = await extractFeatures(backbone, images(), { normalisation, size: 8, engine })
    const before = tf.memory().numTensors

    const run = await openRun(out)
    expect(run).toMatchObject({ step: 12, normalisation, imageShape: { size: 8, channels: 3 } })
    expect(run.method?.options).toMatchObject({ outputs: 8 })
    expect(await featuresBy(run)).toEqual(expected.values)
    run.dispose()
    expect(tf.memory().numTensors).toBe(before)

    // A copy of the exported backbone outside its run still contains its preprocessing.
    const copy = join(folder, 'copied')
    await cp(join(out, 'backbone'), copy, { recursive: true })
    const notes: string[] = []
    const exported = await openExportedModel(copy, (note) => notes.push(note))
    expect(exported).toMatchObject({ normalisation, imageShape: { size: 8, channels: 3 } })
    expect(notes).toEqual([])
    const { values } = await extractFeatures(exported.encode, images(), { normalisation, size: 8, engine })
    expect(difference(values, expected.values)).toBeLessThan(1e-6)
    exported.dispose()
    expect(checkpoint).toContain('step-00000012')
  },
)

test('openSubject gives the same features for the run, its exported model and model.json', async () => {
  const out = join(folder, 'run')
  const backbone = convnet({ size: 8, widths: [4, 8] })
  await train(simclr(backbone, { outputs: 8 }, { normalisation }), images(), { ...settings, out, engine })
  const encode = encoderOf({ networks: { backbone } })
  const expected = await extractFeatures(encode, shapes({ size: 8 }), {
    normalisation,
    size: 8,
    engine,
    limit: 20,
  })
  const usual = await extractFeatures(encode, shapes({ size: 8 }), {
    normalisation: await defaultNormalisation(3),
    size: 8,
    engine,
    limit: 20,
  })
  expect(difference(usual.values, expected.values)).toBeGreaterThan(1e-2)
  const request = { train: 'shapes', test: 'shapes', limit: 20, engine }
  const old = join(folder, 'old')
  await cp(out, old, { recursive: true })
  // A run of format 2 whose model has no preprocessing: the run's normalisation is used.
  const model = JSON.parse(await readFile(join(old, 'backbone', 'model.json'), 'utf8'))
  await writeFile(
    join(old, 'backbone', 'model.json'),
    JSON.stringify({ ...model, userDefinedMetadata: undefined }),
  )
  const {
    backbone: _,
    imageShape,
    features,
    ...rest
  } = JSON.parse(await readFile(join(old, 'config.json'), 'utf8'))
  await writeFile(join(old, 'config.json'), JSON.stringify({ ...rest, formatVersion: 2 }))
  for (const run of [
    out,
    join(out, 'backbone'),
    join(out, 'backbone', 'model.json'),
    join(old, 'backbone'),
  ]) {
    const { subject, close } = await openSubject({ ...request, run })
    expect(difference(subject.train.values, expected.values), run).toBeLessThan(1e-6)
    await close()
  }
})

test.each(Object.entries(backbones))(
  'a run with %s resumes from its folder alone, bit for bit',
  async (_, make) => {
    const method = () => simclr(make(), { outputs: 8 }, { normalisation })
    const whole = await train(method(), images(), { ...settings, out: join(folder, 'whole'), engine })
    const out = join(folder, 'cut')
    const stop = new AbortController()
    const onStep = ({ step }: { step: number }) => step === 5 && stop.abort()
    await train(method(), images(), { ...settings, out, engine, signal: stop.signal, onStep })

    const run = await readRun(out)
    const { make: makeAgain } = await methodOfRun(run)
    const dataset = await openImagesOfRun(run)
    const again = await makeAgain()
    const end = await train(again, dataset, { ...run.settings, out, engine, resume: true })
    expect(end.step).toBe(12)
    expect(await weightsOf(end.checkpoint)).toEqual(await weightsOf(whole.checkpoint))
  },
)

test('a method outside the registry: features work, resuming needs its program', async () => {
  const out = join(folder, 'run')
  const backbone = own()
  await train(halves(backbone), images(), { ...settings, out, engine })
  const run = await openRun(out)
  expect(run.method).toBeUndefined()
  expect(await featuresBy(run)).toEqual(
    (await extractFeatures(backbone, images(), { normalisation, size: 8, engine })).values,
  )
  run.dispose()
  await expect(methodOfRun(await readRun(out))).rejects.toThrow(
    /trained with method 'halves', which is not in the registry.*train\(method, dataset, .*resume: true/,
  )
})

test('a method with its own encode function must be passed to openRun', async () => {
  const out = join(folder, 'run')
  const make = () => {
    const backbone = own()
    return halves(backbone, { encode: (x) => tf.mul(backbone.apply(x) as tf.Tensor2D, 2) })
  }
  await train(make(), images(), { ...settings, out, engine })
  await expect(openRun(out)).rejects.toThrow(`openRun('${out}', { method })`)
  const run = await openRun(out, { method: make() })
  expect(run.step).toBe(12)
  expect((await featuresBy(run)).length).toBe(32 * 6)
})

test('opens a program’s run of format 2 through its exported layers', async () => {
  const old = fileURLToPath(new URL('fixtures/format-2-run', import.meta.url))
  const run = await openRun(old)
  expect(run).toMatchObject({
    step: 4,
    imageShape: { size: 8, channels: 3 },
    normalisation: { mean: [0.2, 0.3, 0.4], std: [0.5, 0.6, 0.7] },
  })
  const exported = await openExportedModel(join(old, 'backbone'))
  expect(exported.normalisation).toEqual(run.normalisation)
  const options = { normalisation: run.normalisation, size: 8, engine }
  const { values } = await extractFeatures(exported.encode, images(), options)
  expect(difference(await featuresBy(run), values)).toBeLessThan(1e-6)
  run.dispose()
  exported.dispose()
})

test('a run of format 2 resumes and ends with the same bits as with the version that wrote it', async () => {
  const out = join(folder, 'old')
  await cp(fileURLToPath(new URL('fixtures/format-2-run', import.meta.url)), out, { recursive: true })
  const method = simclr(
    convnet({ size: 8, channels: 3, widths: [4, 8] }),
    // Temperature and crops were the defaults of that version.
    { outputs: 8, temperature: 0.5, minScale: 0.08 },
    { normalisation: { mean: [0.2, 0.3, 0.4], std: [0.5, 0.6, 0.7] } },
  )
  const end = await train(method, images(), { ...settings, epochs: 2, engine, out, resume: true })
  disposeMethod(method)
  expect(end.step).toBe(8)
  const hash = createHash('sha256')
  const tensors = Object.entries(await weightsOf(end.checkpoint)).sort(([a], [b]) => (a < b ? -1 : 1))
  for (const [name, { values }] of tensors) hash.update(name).update(values)
  // The hash of weights, optimiser and statistics after the last version that wrote format 2 had continued the run to step 8, with
  // one thread and with two.
  expect(hash.digest('hex')).toBe('3e9b73f1e6c24391ddb9e83e56cdacaa1eeabadb8767eb38733910bfa877088a')
})

test('says what is missing from a run and what to do', async () => {
  const out = join(folder, 'run')
  const { source, ...unnamed } = images()
  await train(halves(own(), { normalisation: undefined }), unnamed, { ...settings, out, engine })
  await expect(openRun(out)).rejects.toThrow(
    `add "normalisation": { "mean": [0], "std": [1] } to ${join(out, 'config.json')}`,
  )
  await expect(openImagesOfRun(await readRun(out))).rejects.toThrow(
    "has no path to its images; pass it as `images`. The run was trained on 'shapes', 32 images",
  )
})
