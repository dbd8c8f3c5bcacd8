import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { convnet } from '@selfsup/backbones'
import { type Normalisation, resolveOptions } from '@selfsup/core'
import { shapes } from '@selfsup/data'
import { definition } from '@selfsup/distillation'
import { type Engine, prepareEngine } from '@selfsup/engine'
import { extractFeatures } from '@selfsup/evaluation'
import { readRun } from '@selfsup/run-folder'
import { simclr } from '@selfsup/simclr'
import { train } from '@selfsup/train'
import * as tf from '@tensorflow/tfjs-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  disposeMethod,
  makeMethod,
  makeMethodWithTeacher,
  openRun,
  openTeacher,
  recreateMethod,
} from './index.js'

let engine: Engine
let folder: string
let teacher: string
const images = shapes({ size: 8, count: 32 })
const normalisation: Normalisation = { mean: [0.1, 0.2, 0.3], std: [0.9, 0.8, 0.7] }
const settings = { epochs: 2, batchSize: 8, learningRate: 0.01, seed: 3 }

beforeAll(async () => {
  engine = await prepareEngine({ engine: 'wasm' })
  folder = await mkdtemp(join(tmpdir(), 'selfsup-taught-'))
  teacher = join(folder, 'teacher')
  const backbone = convnet({ size: 8, widths: [4, 6] })
  const method = simclr(backbone, { outputs: 4 }, { normalisation })
  await train(method, images, { ...settings, out: teacher, engine, epochs: 1 })
  method.dispose()
  backbone.dispose()
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const specOf = (options: Parameters<typeof resolveOptions>[1]) => ({
  method: 'distillation',
  options: resolveOptions(definition, { queue: 16, ...options }),
  imageShape: { size: 8, channels: 3 },
  normalisation,
  backbone: 'convnet',
  seed: 1,
})

test.each([
  ['a run', { views: 'auto' }, 'teacher'],
  ['an exported model and stored features', { views: 'fixed' }, 'teacher/backbone'],
] as const)(
  'trains with %s as teacher, interrupted and resumed, and opens without it',
  async (_, options, path) => {
    const out = join(folder, `student-${options.views}`)
    const before = tf.memory().numTensors
    const context = { dataset: images, engine }
    const half = await makeMethodWithTeacher(specOf(options), join(folder, path), context)
    expect(Object.keys(half.networks)).toEqual([
      'backbone',
      'projector',
      ...(options.views === 'fixed' ? [] : ['localProjector']),
    ])
    const stop = new AbortController()
    const onStep = ({ step }: { step: number }) => step === 4 && stop.abort()
    await train(half, images, { ...settings, out, engine, signal: stop.signal, onStep })
    disposeMethod(half)
    const run = await readRun(out)
    expect(run.finished).toBe(false)
    expect(run.teacher?.source).toBe(join(folder, path))

    const again = await recreateMethod(run, context)
    expect(await train(again, images, { ...settings, out, engine, resume: true })).toMatchObject({ step: 8 })
    disposeMethod(again)
    expect(tf.memory().numTensors).toBe(before)

    await rm(join(folder, 'moved'), { recursive: true, force: true })
    const opened = await openRun(out)
    const features = await extractFeatures(opened.encode, images, { normalisation, size: 8, engine })
    expect([features.count, features.width]).toEqual([32, 256])
    opened.dispose()
  },
)

test('refuses to resume with another teacher, and names what is missing', async () => {
  const opened = await openTeacher(teacher)
  const { source, fingerprint } = opened
  expect(fingerprint).toMatch(/^[0-9a-f]{64}$/)
  opened.dispose()
  const run = await readRun(teacher)
  const context = { dataset: images, engine }
  const other = { ...run, teacher: { source, fingerprint: 'of another one' } }
  await expect(recreateMethod(other, context)).rejects.toThrow(
    `the teacher ${source} has other weights than when the run started`,
  )
  await expect(openTeacher(join(folder, 'nothing'))).rejects.toThrow(
    'is neither a run nor an exported or pretrained model',
  )
  await expect(makeMethod(specOf({}))).rejects.toThrow('distillation needs a teacher, but none is given')
  await expect(
    makeMethodWithTeacher({ ...specOf({}), method: 'simclr', options: {} }, teacher, context),
  ).rejects.toThrow('simclr does not learn from a teacher')
})
