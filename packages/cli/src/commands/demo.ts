import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { SelfsupError } from '@selfsup/core'
import type { SplitFeatures } from '@selfsup/evaluation'
import { type RunConfig, readRun, runPaths } from '@selfsup/run-folder'
import {
  defaultNormalisation,
  disposeMethod,
  type FeatureSource,
  featuresOf,
  findMethod,
  type MethodSpec,
  makeMethod,
  openRun,
  pixelFeatures,
} from '@selfsup/runs'
import { methodOptions, type Settings } from '../config.js'
import { startEngine } from '../engine.js'
import { progressView } from '../progress.js'
import { type ScoreRow, scoreTable } from '../score-table.js'
import { duration } from '../table.js'
import { announce, runTraining } from '../training.js'

/** Flags of `selfsup demo`. */
export interface DemoFlags {
  readonly out?: string
  readonly engine?: Settings['engine']
  readonly json?: boolean
}

/** Amount of work on each engine: less than five minutes on two cores. */
const budgets = {
  tensorflow: { images: 4096, epochs: 22, size: 32 },
  webgpu: { images: 2048, epochs: 8, size: 32 },
  wasm: { images: 2048, epochs: 8, size: 32 },
  cpu: { images: 256, epochs: 1, size: 16 },
} as const

/** The classes differ by shape, not by colour: strong jitter, and crops that still contain the shape. */
const options = { temperature: 0.2, jitter: 1, minScale: 0.4 }

/** `selfsup demo`: pretrains SimCLR on drawn shapes and compares its features with random weights and raw pixels. */
export async function demo({ out = join('runs', 'demo'), ...flags }: DemoFlags): Promise<number> {
  const started = Date.now()
  const view = progressView(process.stderr)
  const { shapes } = await import('@selfsup/data')
  const engine = await startEngine(flags.engine)
  announce(engine, view)
  const { images, epochs, size } = budgets[engine.name]
  view.note(`Pretraining SimCLR on ${images} drawn images, without labels, for ${epochs} epochs; run: ${out}`)
  const train = shapes({ size, count: images })
  const normalisation = await defaultNormalisation(3)
  const spec: MethodSpec = {
    method: 'simclr',
    options: methodOptions(await findMethod('simclr'), [], options),
    imageShape: { size, channels: 3 },
    normalisation,
    backbone: 'convnet',
    seed: 1,
  }
  await clearOwnRun(out)
  const code = await runTraining({
    make: () => makeMethod(spec),
    train: {
      epochs,
      batchSize: 128,
      learningRate: 1.5,
      optimizer: { name: 'lars', weightDecay: 1e-6 },
      schedule: { name: 'cosine', warmupEpochs: 1 },
      seed: 1,
    },
    out,
    dataset: train,
    view,
    engine: engine.name,
    quiet: true,
  })
  if (code !== 0) return code
  view.note('Evaluating the features with 4,000 labelled training images and 2,000 test images.')
  const source: FeatureSource = {
    engine,
    cache: runPaths(out).features,
    normalisation,
    size,
    train: shapes({ size, count: 4000, seed: 2 }),
    test: shapes({ size, count: 2000, seed: 2, split: 'test' }),
    onNote: view.note,
  }
  const random = await makeMethod(spec)
  const trained = await openRun(out)
  const rows = [
    await scoresOfFeatures(await pixelFeatures(source)),
    await scoresOfFeatures(await featuresOf('random features', random, source)),
    await scoresOfFeatures(await featuresOf('SimCLR features', trained.maker, source)),
  ]
  disposeMethod(random)
  trained.dispose()
  const seconds = (Date.now() - started) / 1000
  console.log(
    flags.json
      ? JSON.stringify({ engine: engine.name, out, seconds, results: rows })
      : `\n${scoreTable({ rows })}`,
  )
  view.note(`
${duration(seconds)} in total. With ${kinds} classes of shapes, chance is ${(100 / kinds).toFixed(0)} %. The run is in ${out}: metrics.jsonl, checkpoints, backbone.
With your own images:
  npx selfsup preview IMAGES
  npx selfsup pretrain simclr IMAGES --out runs/a --epochs 100
  npx selfsup evaluate runs/a LABELLED/train LABELLED/test
  npx selfsup embed runs/a IMAGES --out features.npy`)
  return 0
}

const kinds = 10

/** Removes the run of an earlier demo. @throws SelfsupError if the folder contains anything else */
async function clearOwnRun(folder: string): Promise<void> {
  if (!existsSync(folder)) return
  const run = await readRun(folder).catch(() => undefined)
  if (!run || !isDemo(run))
    throw new SelfsupError(`${folder} exists and is not the run of a demo; choose another folder with --out`)
  await rm(folder, { recursive: true })
}

/** Whether a demo made a run. Drawn images alone don't show that: a user may train on them for days. */
export function isDemo({ method, dataset: { source }, options: made }: RunConfig): boolean {
  return (
    method === 'simclr' &&
    source?.path === 'shapes' &&
    Object.values(budgets).some((budget) => budget.images === source.options.count) &&
    Object.entries(options).every(([name, value]) => made[name] === value)
  )
}

/** kNN and linear probe of features. */
async function scoresOfFeatures({ name, train, test }: SplitFeatures): Promise<ScoreRow> {
  const { knn, linearProbe } = await import('@selfsup/evaluation')
  const { accuracy } = await knn(train, test)
  const probe = await linearProbe(train, test)
  return { features: name, knn: accuracy, linear: probe.accuracy, linearTop5: probe.top5 }
}
