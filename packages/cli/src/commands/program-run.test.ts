import { createHash } from 'node:crypto'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { convnet } from '@selfsup/backbones'
import type { ImageDataset, Method } from '@selfsup/core'
import { contactSheet, shapes } from '@selfsup/data'
import { type Engine, prepareEngine } from '@selfsup/engine'
import { extractFeatures, readFeatures } from '@selfsup/evaluation'
import { checkpointPath, readRun } from '@selfsup/run-folder'
import { openRun } from '@selfsup/runs'
import { simclr } from '@selfsup/simclr'
import { readSafetensors, train } from '@selfsup/train'
import * as tf from '@tensorflow/tfjs-core'
import { layers, sequential } from '@tensorflow/tfjs-layers'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { embed } from './embed.js'
import { evaluate } from './evaluate.js'
import { indexImages } from './index-images.js'
import { pretrain } from './pretrain.js'
import { report } from './report.js'
import { resume } from './resume.js'

// The command line opens runs of a TypeScript program, and the other way round.

const normalisation = { mean: [0.1, 0.2, 0.3], std: [0.9, 0.8, 0.7] }
const settings = { epochs: 2, batchSize: 8, learningRate: 0.05, seed: 3, checkpointEvery: 4 }
const images = () => shapes({ size: 8, count: 32 })
const method = () => simclr(convnet({ size: 8, widths: [4, 8] }), { outputs: 8 }, { normalisation })
const wasm = { engine: 'wasm' } as const

let engine: Engine
let folder: string
let printed: string
let stderr: string
const run = () => join(folder, 'run')

/** Trains; stops at step 5 if `cut`. */
async function program(out: string, made: Method = method(), dataset: ImageDataset = images(), cut = false) {
  const stop = new AbortController()
  const onStep = ({ step }: { step: number }) => void (cut && step === 5 && stop.abort())
  return train(made, dataset, { ...settings, out, engine, signal: stop.signal, onStep })
}

beforeAll(async () => {
  engine = await prepareEngine(wasm)
  folder = await mkdtemp(join(tmpdir(), 'selfsup-program-run-'))
  await program(run())
})
afterAll(() => rm(folder, { recursive: true, force: true }))
beforeEach(() => {
  printed = ''
  stderr = ''
  vi.spyOn(console, 'log').mockImplementation((text) => {
    printed += text
  })
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    stderr += text
    return true
  })
})

test('evaluate gives the same result for a run and its exported backbone', async () => {
  const results: unknown[] = []
  for (const path of [run(), join(run(), 'backbone')]) {
    printed = ''
    expect(await evaluate(path, 'shapes', 'shapes', { ...wasm, limit: 60, json: true, knn: true })).toBe(0)
    results.push(JSON.parse(printed).results[0].knn)
  }
  expect(results[0]).toBeGreaterThan(0)
  expect(results[1]).toBe(results[0])
  expect(await evaluate(run(), 'shapes', 'shapes', { ...wasm, limit: 60, json: true, baselines: true })).toBe(
    0,
  )
})

test('evaluate fails if the images have no classes, instead of printing an empty table', async () => {
  const unlabelled = join(folder, 'unlabelled')
  for await (const batch of shapes({ size: 8, count: 6, seed: 3 }).batches({ batchSize: 1 }))
    await contactSheet(join(unlabelled, `${batch.indices[0]}.png`), batch.images!, { columns: 1, zoom: 1 })
  await expect(evaluate(run(), unlabelled, unlabelled, wasm)).rejects.toThrow('nothing could be evaluated')
})

test('evaluate joins the features of shares, which are those of the whole', async () => {
  const labelled = join(folder, 'labelled')
  for (const name of ['a', 'b'])
    await cp(join(folder, 'unlabelled'), join(labelled, name), { recursive: true })
  const own = join(folder, 'shares')
  await cp(run(), own, { recursive: true })
  const inShares = (flags: object) =>
    evaluate(own, labelled, labelled, { ...wasm, knn: true, json: true, ...flags })
  await inShares({ shard: '2/2' })
  await expect(inShares({ merge: 2 })).rejects.toThrow('share 1/2 of the features')
  await inShares({ shard: '1/2' })
  const features = join(own, 'features')
  const before = await readdir(features)
  await inShares({ merge: 2 })
  const [whole] = (await readdir(features)).filter((name) => !before.includes(name))
  const joined = await readFeatures(join(features, whole!))
  await rm(features, { recursive: true })
  await inShares({ force: true })
  const { values, ...facts } = (await readFeatures(join(features, whole!)))!
  expect(joined).toMatchObject(facts)
  values.forEach((value, i) => {
    expect(joined!.values[i]).toBeCloseTo(value, 5)
  })
  await expect(inShares({ shard: '1/2', limit: 4 })).rejects.toThrow('--shard and --limit are both set')
})

test('embed writes the features that the program computes', async () => {
  const out = join(folder, 'features.npy')
  const opened = await openRun(run())
  const expected = await extractFeatures(opened.encode, shapes({ size: 8 }), {
    normalisation,
    size: 8,
    limit: 20,
    engine,
  })
  opened.dispose()
  for (const path of [run(), join(run(), 'backbone')]) {
    expect(await embed(path, 'shapes', { ...wasm, out, limit: 20 })).toBe(0)
    const bytes = await readFile(out)
    const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset + bytes.length - 20 * 8 * 4))
    values.forEach((value, i) => {
      expect(value).toBeCloseTo(expected.values[i]!, 5)
    })
  }
})

test('index and report open a run of a program', async () => {
  const imageFolder = join(folder, 'images')
  await mkdir(imageFolder)
  const { contactSheet } = await import('@selfsup/data')
  for await (const batch of images().batches({ batchSize: 1, limit: 4 }))
    await contactSheet(join(imageFolder, `${batch.indices[0]}.png`), batch.images!, { columns: 1, zoom: 1 })
  for (const shard of ['1/2', '2/2']) await indexImages(run(), imageFolder, { ...wasm, shard, json: true })
  printed = ''
  expect(await indexImages(run(), imageFolder, { ...wasm, merge: 2, json: true })).toBe(0)
  expect(JSON.parse(printed)).toMatchObject({ images: 4, added: 4 })
  printed = ''
  expect(await indexImages(run(), imageFolder, { ...wasm, json: true })).toBe(0)
  expect(JSON.parse(printed)).toMatchObject({ images: 4, unchanged: 4 })
  const out = join(folder, 'report.html')
  expect(await report([run()], { out, images: true })).toBe(0)
  expect(await readFile(out, 'utf8')).toContain('"backbone":"convnet"')
}, 120_000)

test('resume ends with the same bits as an uninterrupted run', async () => {
  const out = join(folder, 'cut')
  expect(await program(out, method(), images(), true)).toMatchObject({ interrupted: true })
  expect(await resume(out, wasm)).toBe(0)
  expect(await bitsOf(out, 8)).toEqual(await bitsOf(run(), 8))
})

test('resume asks for the path of images if the run has none, and accepts only the same images', async () => {
  const out = join(folder, 'moved')
  const { source, ...unnamed } = images()
  await program(out, method(), unnamed, true)
  await expect(resume(out, wasm)).rejects.toThrow(
    `trained on 'shapes' (32 images) but has no path to them; run: selfsup resume ${out} --images IMAGES`,
  )
  await expect(resume(out, { ...wasm, images: 'shapes' })).rejects.toThrow('the images differ')
})

test('a run of a method outside the registry can be evaluated, but not resumed', async () => {
  const out = join(folder, 'own')
  const backbone = sequential({
    layers: [layers.flatten({ inputShape: [8, 8, 3] }), layers.dense({ units: 6 })],
  })
  const own: Method = {
    name: 'own',
    normalisation,
    networks: { backbone },
    state: {},
    crops: [],
    views: ({ images }) => tf.div(tf.cast(images!, 'float32'), 255),
    loss: (views) => ({
      loss: tf.mean(tf.square(backbone.apply(views as tf.Tensor) as tf.Tensor)) as tf.Scalar,
    }),
    dispose() {},
  }
  await program(out, own, images(), true)
  await expect(resume(out, wasm)).rejects.toThrow("method 'own', which is not in the registry")
  expect(await evaluate(out, 'shapes', 'shapes', { ...wasm, limit: 60, json: true })).toBe(0)
  expect(await embed(out, 'shapes', { ...wasm, out: join(folder, 'own.npy'), limit: 4 })).toBe(0)
})

test('openRun opens a run of the command line', async () => {
  const out = join(folder, 'command-line')
  const flags = { ...wasm, out, size: 16, count: 20, batch: 4, limit: 2, backbone: 'convnet', seed: 3 }
  expect(await pretrain('simclr', 'shapes', flags)).toBe(0)
  const opened = await openRun(out)
  expect(opened).toMatchObject({ step: 2, imageShape: { size: 16, channels: 3 } })
  expect(opened.method?.name).toBe('simclr')
  const { values } = await extractFeatures(opened.encode, images(), {
    normalisation: opened.normalisation,
    size: 16,
    limit: 4,
    engine,
  })
  opened.dispose()
  const path = join(folder, 'same.npy')
  await embed(out, 'shapes', { ...wasm, out: path, limit: 4 })
  expect(values.length).toBe(4 * 256)
  expect((await readRun(out)).config).toEqual({})
})

test('refuses to resume a program’s run of format 2 and says what to do', async () => {
  const out = join(folder, 'old')
  await program(out, method(), images(), true)
  const path = join(out, 'config.json')
  const { backbone, imageShape, features, dataset, ...config } = JSON.parse(await readFile(path, 'utf8'))
  const { source, ...rest } = dataset
  await writeFile(path, JSON.stringify({ ...config, dataset: rest, formatVersion: 2 }))
  await expect(resume(out, wasm)).rejects.toThrow('made by a TypeScript program with an older version')
  expect(await embed(out, 'shapes', { ...wasm, out: join(folder, 'old.npy'), limit: 4 })).toBe(0)
  expect(stderr).toContain('4 x 8 features')
})

test('resumes a run of format 2 that an earlier command line started, with the bits of a new run', async () => {
  const old = join(folder, 'old-command-line')
  // Its config.json only: the run was stopped before its first checkpoint.
  const written = new URL('../../../run-folder/src/fixtures/cli-run', import.meta.url)
  await cp(fileURLToPath(written), old, { recursive: true })
  expect(await resume(old, wasm)).toBe(0)
  const out = join(folder, 'new-command-line')
  const flags = { ...wasm, out, size: 16, count: 64, batch: 16, epochs: 3, warmup: 0, checkpointEvery: 4 }
  // Defaults for small images when that version was current.
  const set = ['outputs=16', 'temperature=0.5', 'minScale=0.08']
  expect(await pretrain('simclr', 'shapes', { ...flags, backbone: 'convnet', set })).toBe(0)
  expect(await bitsOf(old, 12)).toEqual(await bitsOf(out, 12))
}, 120_000)

/** Hashes of a checkpoint's tensors: comparing millions of numbers one by one takes minutes. */
async function bitsOf(path: string, step: number): Promise<Record<string, string>> {
  const { tensors } = await readSafetensors(checkpointPath(path, step))
  expect(Object.keys(tensors).length).toBeGreaterThan(10)
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { values }]) => [
      name,
      createHash('sha256').update(values).digest('hex'),
    ]),
  )
}
