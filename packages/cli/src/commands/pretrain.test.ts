import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Method, MethodDefinition } from '@selfsup/core'
import { openImages } from '@selfsup/data'
import { readRun } from '@selfsup/train'
import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { defaultFolder, pretrain } from './pretrain.js'
import { resume } from './resume.js'

/** Learns the images' lightness, and paints each in one colour: what a generative method has, in little. */
const painter: MethodDefinition = {
  name: 'painter',
  summary: '',
  paper: '',
  options: {},
  backbone: 'convnet',
  training: () => ({
    epochs: 3,
    batchSize: 64,
    learningRate: 0.01,
    scaling: 'linear',
    schedule: { name: 'constant' },
    optimizer: { name: 'sgd' },
  }),
  create(backbone, _options, { normalisation } = {}): Method {
    const lightness = (x: tf.Tensor) => tf.mean(backbone.apply(x, { training: true }) as tf.Tensor2D, 1)
    return {
      name: 'painter',
      options: {},
      normalisation,
      networks: { backbone },
      state: {},
      crops: [],
      views: ({ images }) => tf.div(tf.cast(images!, 'float32'), 255),
      loss: (views) => ({
        loss: tf.mean(tf.squaredDifference(lightness(views as tf.Tensor), 0.5)) as tf.Scalar,
      }),
      samples: (views) => {
        const colours = tf.mean(views as tf.Tensor4D, [1, 2], true)
        return { paintings: tf.tile(colours, [1, 8, 8, 1]) as tf.Tensor4D }
      },
      dispose() {},
    }
  },
}
vi.mock('../../../runs/src/registry.js', () => ({
  findMethod: async () => painter,
  isMethod: () => true,
  methodNames: () => ['painter'],
}))

let folder: string
let told: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selfsup-pretrain-'))
  told = ''
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    told += text
    return true
  })
})
afterEach(async () => {
  vi.restoreAllMocks()
  await rm(folder, { recursive: true, force: true })
})

const shapes = { size: 16, count: 20, engine: 'wasm' } as const

test('a method that makes pictures leaves a sheet of them at each checkpoint, the last included', async () => {
  const out = join(folder, 'run')
  expect(
    await pretrain('painter', 'shapes', { ...shapes, out, batch: 4, checkpointEvery: 4, limit: 10 }),
  ).toBe(0)
  const sheets = (await readdir(join(out, 'pictures'))).sort()
  const painted = [0, 4, 8, 10].map((step) => `paintings-${String(step).padStart(8, '0')}.png`)
  expect(sheets).toEqual([...painted, 'views.png'])
  for (const sheet of sheets)
    expect((await readFile(join(out, 'pictures', sheet))).subarray(1, 4).toString()).toBe('PNG')
  // 16 of the first images, each in its mean colour, of 8 pixels and a border of 1, enlarged to 64.
  const opened = await openImages(join(out, 'pictures'))
  expect(opened.length).toBe(5)
  await opened.close()
})

test('sheets that cannot be written are a warning; the run goes on', async () => {
  const out = join(folder, 'run')
  await mkdir(out)
  await writeFile(join(out, 'pictures'), 'a file in their place')
  expect(await pretrain('painter', 'shapes', { ...shapes, out, batch: 4, limit: 2 })).toBe(0)
  expect(told).toMatch(
    /Warning: the samples of step 0 could not be shown: .*pictures\/paintings-00000000.png/,
  )
  expect(told).toContain('Done: 2 steps')
})

test('who names no batch gets one that the images are enough for, and a run that goes on with it', async () => {
  const out = join(folder, 'run')
  expect(await pretrain('painter', 'shapes', { ...shapes, out })).toBe(0)
  expect(told).toContain("Batches of 16, as there are 20 images; 64 are the method's own.")
  const run = await readRun(out)
  expect(run.settings).toMatchObject({ batchSize: 16, learningRate: 0.01 * (16 / 256) })
  expect(run.normalisation).toMatchObject({ mean: [0.485, 0.456, 0.406] })
  expect(await resume(out, {})).toBe(0)
  await expect(
    pretrain('painter', 'shapes', { ...shapes, out: join(folder, 'other'), batch: 64 }),
  ).rejects.toThrow('a batch of 64 is larger than')
})

test('a run is not written among the pictures', async () => {
  for (const out of [folder, join(folder, 'deep', 'run')])
    await expect(pretrain('painter', folder, { ...shapes, out })).rejects.toThrow(
      `${out}, where the run would be written, lies in the folder of pictures`,
    )
  const beside = pretrain('painter', join(folder, 'pictures'), {
    ...shapes,
    out: join(folder, 'pictures-run'),
  })
  await expect(beside).rejects.toThrow('does not exist')
})

test.each([
  ['my pictures', 'simclr-my-pictures'],
  ['кошки/', 'simclr-кошки'],
  ['/data/train-{000..009}.tar', 'simclr-train--000..009-.tar'],
  ['shapes', 'simclr-shapes'],
])('a run on %s lies in runs/%s', (source, name) => {
  expect(defaultFolder('simclr', source)).toBe(join('runs', name))
})

test('JSON lines end with what came of it', async () => {
  const lines: string[] = []
  vi.spyOn(process.stdout, 'write').mockImplementation((line) => lines.push(String(line)) > 0)
  const out = join(folder, 'run')
  expect(await pretrain('painter', 'shapes', { ...shapes, out, batch: 4, limit: 3, json: true })).toBe(0)
  const events = lines.map((line) => JSON.parse(line))
  expect(events.filter(({ event }) => event === 'step')).toHaveLength(3)
  expect(events.at(-1)).toMatchObject({
    event: 'end',
    run: out,
    step: 3,
    totalSteps: 3,
    interrupted: false,
    skipped: 0,
  })
})
