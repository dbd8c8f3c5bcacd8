import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Method, MethodDefinition } from '@selfsup/core'
import { openImages } from '@selfsup/data'
import { runPaths } from '@selfsup/run-folder'
import { readRun } from '@selfsup/train'
import * as tf from '@tensorflow/tfjs-core'
import sharp from 'sharp'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { defaultFolder, pretrain } from './pretrain.js'
import { resume } from './resume.js'

/** A minimal generative method: learns the lightness of images and paints each in one colour. */
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
let stderr: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selfsup-pretrain-'))
  stderr = ''
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    stderr += text
    return true
  })
})
afterEach(async () => {
  vi.restoreAllMocks()
  await rm(folder, { recursive: true, force: true })
})

const shapes = { size: 16, count: 20, engine: 'wasm' } as const

test('a generative method writes a sheet of samples at each checkpoint, including the last', async () => {
  const out = join(folder, 'run')
  expect(
    await pretrain('painter', 'shapes', { ...shapes, out, batch: 4, checkpointEvery: 4, limit: 10 }),
  ).toBe(0)
  const sheets = (await readdir(runPaths(out).sheets)).sort()
  const painted = [0, 4, 8, 10].map((step) => `paintings-${String(step).padStart(8, '0')}.png`)
  expect(sheets).toEqual([...painted, 'views.png'])
  for (const sheet of sheets)
    expect((await readFile(join(runPaths(out).sheets, sheet))).subarray(1, 4).toString()).toBe('PNG')
  // The first 16 images, each in its mean colour: 8 pixels with a border of 1, enlarged to 64.
  const opened = await openImages(runPaths(out).sheets)
  expect(opened.length).toBe(5)
  await opened.close()
})

test('only warns if sheets cannot be written', async () => {
  const out = join(folder, 'run')
  await mkdir(out)
  await writeFile(runPaths(out).sheets, 'a file in their place')
  expect(await pretrain('painter', 'shapes', { ...shapes, out, batch: 4, limit: 2 })).toBe(0)
  expect(stderr).toMatch(/Warning: .*step 0.*paintings-00000000.png/)
  expect(stderr).toContain('Done: 2 steps')
})

test('chooses size, network and a batch that fits a small dataset, and resumes with them', async () => {
  const out = join(folder, 'run')
  expect(await pretrain('painter', 'shapes', { ...shapes, size: undefined, out })).toBe(0)
  expect(stderr).toMatch(
    /Using images of 32 pixels, the network convnet and batches of 16 \(about 0.\d GB of memory\), chosen for 20 images, [\d.]+ GB of memory; --size, --backbone and --batch override./,
  )
  const run = await readRun(out)
  expect(run.settings).toMatchObject({ batchSize: 16, learningRate: 0.01 * (16 / 256), logEvery: 1 })
  expect(run).toMatchObject({ imageShape: { size: 32 }, backbone: { name: 'convnet' } })
  expect(run.normalisation).toMatchObject({ mean: [0.485, 0.456, 0.406] })
  expect(await resume(out, {})).toBe(0)
  const { epochs } = run.settings
  expect(stderr).toContain(`selfsup resume ${out} --epochs ${2 * epochs}`)
  expect(await resume(out, { epochs: epochs + 1, engine: shapes.engine })).toBe(0)
  expect(stderr).toMatch(
    /The run continues from epoch [\d.]+ to \d+, with the schedule of a run of \d+ epochs: the learning rate was/,
  )
  expect(await readRun(out)).toMatchObject({ finished: true, settings: { epochs: epochs + 1 } })
  await expect(resume(out, { epochs, engine: shapes.engine })).rejects.toThrow('--epochs must be more')
  await expect(
    pretrain('painter', 'shapes', { ...shapes, out: join(folder, 'other'), batch: 64 }),
  ).rejects.toThrow('a batch of 64 is larger than')
})

test('says what it does from the first moment on, and estimates no time from a few steps', async () => {
  const out = join(folder, 'run')
  await pretrain('painter', 'shapes', { ...shapes, out, batch: 4, limit: 3 })
  const phases = [...stderr.matchAll(/^(.*) …$/gm)].map(([, what]) => what)
  expect(phases).toEqual([
    'Looking for images in shapes',
    'Starting the engine',
    'Creating the network',
    'Decoding the first images',
    'Computing the first step',
    'Saving',
    'Exporting the backbone',
  ])
  expect(stderr).toMatch(/step 1\/3 .* images\/s\n/)
})

test('refuses images from which nothing can be learned; --force trains on them', async () => {
  const images = join(folder, 'copies')
  await mkdir(images)
  const pixels = Buffer.from(Array.from({ length: 48 * 48 * 3 }, (_, i) => (i * i) % 251))
  const photo = await sharp(pixels, { raw: { width: 48, height: 48, channels: 3 } })
    .jpeg()
    .toBuffer()
  for (const name of ['a', 'b', 'c', 'd']) await writeFile(join(images, `${name}.jpg`), photo)
  const settings = { out: join(folder, 'run'), batch: 2, limit: 1, size: 16, engine: 'wasm' } as const
  await expect(pretrain('painter', images, settings)).rejects.toThrow(
    /copies: 100 % of 4 images in a sample are copies of one image, for example .*a.jpg and .*b.jpg. Nothing can be learned/,
  )
  expect(await readdir(folder)).toEqual(['copies'])
  await pretrain('painter', images, { ...settings, force: true })
  expect(stderr).toContain('Warning: 100 % of 4 images in a sample are copies of one image')
  expect(stderr).toContain('Done: 1 step,')
})

test('refuses to write a run into the folder of images', async () => {
  for (const out of [folder, join(folder, 'deep', 'run')])
    await expect(pretrain('painter', folder, { ...shapes, out })).rejects.toThrow(
      `the run's folder ${out} is inside the folder of images`,
    )
  const sibling = pretrain('painter', join(folder, 'images'), {
    ...shapes,
    out: join(folder, 'images-run'),
  })
  await expect(sibling).rejects.toThrow('does not exist')
})

test.each([
  ['my images', 'simclr-my-images'],
  ['кошки/', 'simclr-кошки'],
  ['/data/train-{000..009}.tar', 'simclr-train--000..009-.tar'],
  ['shapes', 'simclr-shapes'],
])('the default folder of a run on %s is runs/%s', (source, name) => {
  expect(defaultFolder('simclr', source)).toBe(join('runs', name))
})

test('JSON lines end with the result', async () => {
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
