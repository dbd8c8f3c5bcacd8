import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { encoderOf, type ImageDataset, type Method, type Normalisation } from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import type { Features } from '@selfsup/evaluation'
import type { Settings } from '../config.js'
import { openSource } from '../images.js'
import { interruptible } from '../interrupt.js'
import { type ProgressView, progressView } from '../progress.js'
import { disposeOf, makeMethod, normalisationOf, trainedMethod } from '../run.js'
import { percent, table } from '../table.js'
import { announce, reportSkipped } from './pretrain.js'

/** Flags of `selfsup evaluate`. */
export interface EvaluateFlags {
  readonly knn?: boolean
  readonly linear?: boolean
  readonly baselines?: boolean
  readonly limit?: number
  readonly strict?: boolean
  readonly engine?: Settings['engine']
  readonly json?: boolean
}

/** `selfsup evaluate RUN TRAIN TEST`: kNN and linear-probe accuracy of a run's features. */
export async function evaluate(
  run: string,
  train: string,
  test: string,
  flags: EvaluateFlags,
): Promise<number> {
  const view = progressView(process.stderr)
  const { prepareEngine } = await import('@selfsup/engine')
  const engine = await prepareEngine({ engine: flags.engine ?? 'auto' })
  const { config, method, step } = await trainedMethod(run)
  if (!flags.json) announce(engine, view)
  const { channels, size } = config.pictures
  const interrupt = interruptible(() => view.note('Stopping.'))
  const open = (source: string, split: string) =>
    openSource(source, {
      split,
      channels: source === 'shapes' ? undefined : channels,
      size,
      strict: flags.strict,
      view,
      signal: interrupt.signal,
    })
  const [trainImages, testImages] = await Promise.all([open(train, 'train'), open(test, 'test')])
  if (trainImages.fingerprint === testImages.fingerprint)
    view.note(`${train} and ${test} are the same images: the accuracy is too good for any others`)
  const missing = missingClasses(trainImages, testImages)
  if (missing.length > 0)
    view.note(
      `Of ${test} these classes are left out, as ${train} has none of them: ${missing.slice(0, 5).join(', ')}${missing.length > 5 ? `, and ${missing.length - 5} more` : ''}`,
    )
  try {
    const judge: Judge = {
      engine,
      cache: join(run, 'features'),
      normalisation: await normalisationOf(config),
      size,
      train: trainImages,
      test: testImages,
      protocols: { knn: flags.knn || !flags.linear, linear: flags.linear || !flags.knn },
      limit: flags.limit,
      signal: interrupt.signal,
      view,
    }
    const rows = [await judgeMethod(`${config.method}, step ${step}`, method, judge)]
    if (flags.baselines) {
      const random = await makeMethod(config)
      rows.push(await judgeMethod('random weights', random, judge), await judgePixels(judge))
      disposeOf(random)
    }
    view.end()
    console.log(
      flags.json
        ? JSON.stringify({
            run,
            step,
            train: trainImages.length,
            test: testImages.length,
            ...(missing.length > 0 && { missingClasses: missing }),
            results: rows,
          })
        : resultTable(rows),
    )
    reportSkipped(trainImages, view)
    reportSkipped(testImages, view)
    return 0
  } finally {
    interrupt.release()
    disposeOf(method)
    await Promise.all([trainImages.close(), testImages.close()])
  }
}

/** Classes of the test images that the training images lack. */
function missingClasses({ classes }: ImageDataset, test: ImageDataset): string[] {
  return classes ? (test.classes ?? []).filter((name) => !classes.includes(name)) : []
}

/** What features are judged with. */
export interface Judge {
  readonly engine: Engine
  /** folder in which features are kept */
  readonly cache: string
  readonly normalisation: Normalisation
  readonly size: number
  readonly train: ImageDataset
  readonly test: ImageDataset
  readonly protocols: { readonly knn: boolean; readonly linear: boolean }
  readonly limit?: number
  readonly signal?: AbortSignal
  readonly view: ProgressView
}

/** One line of the table; parts of 1. */
export interface Judgement {
  readonly features: string
  readonly knn?: number
  readonly linear?: number
  readonly linearTop5?: number
}

/** Judges a method's features, extracted once and kept beside the run. */
export async function judgeMethod(name: string, method: Method, judge: Judge): Promise<Judgement> {
  const { cachedFeatures, extractFeatures } = await import('@selfsup/evaluation')
  const { engine, cache, normalisation, size, limit, signal, view } = judge
  const weights = await digest(method)
  const featuresOf = (dataset: ImageDataset) =>
    cachedFeatures(
      cache,
      { weights, images: dataset.fingerprint, size, limit: limit ?? 0, ...normalisation },
      () =>
        extractFeatures(encoderOf(method), dataset, {
          normalisation,
          size,
          limit,
          engine,
          signal,
          onProgress: progressOf(view, `${name}: features`),
        }),
    )
  return protocols(name, await featuresOf(judge.train), await featuresOf(judge.test), judge)
}

/** Judges the pixels themselves, the baseline below all others. */
export async function judgePixels(judge: Judge): Promise<Judgement> {
  const { rawPixels } = await import('@selfsup/evaluation')
  const options = { size: Math.min(judge.size, 32), limit: judge.limit, signal: judge.signal }
  return protocols(
    'raw pixels',
    await rawPixels(judge.train, options),
    await rawPixels(judge.test, options),
    judge,
  )
}

async function protocols(name: string, train: Features, test: Features, judge: Judge): Promise<Judgement> {
  const { knn, linearProbe, matchClasses } = await import('@selfsup/evaluation')
  judge.signal?.throwIfAborted()
  const matched = matchClasses(train, test).test
  const neighbours = judge.protocols.knn ? await knn(train, matched) : undefined
  judge.signal?.throwIfAborted()
  const probe = judge.protocols.linear ? await linearProbe(train, matched) : undefined
  return { features: name, knn: neighbours?.accuracy, linear: probe?.accuracy, linearTop5: probe?.top5 }
}

/** The table that a person reads. */
export function resultTable(rows: readonly Judgement[]): string {
  const { knn, linear } = rows[0]!
  const columns: [string, (row: Judgement) => string][] = [['features', (row) => row.features]]
  if (knn !== undefined) columns.push(['kNN', (row) => percent(row.knn!)])
  if (linear !== undefined) columns.push(['linear probe', (row) => percent(row.linear!)])
  return table(
    columns.map(([title]) => title),
    rows.map((row) => columns.map(([, cell]) => cell(row))),
  )
}

/** Changes when anything does that the features may depend on. */
async function digest({ name, options, networks, parameters = {}, state }: Method): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify({ name, options }))
  const weights = Object.values(networks).flatMap((model) => model.getWeights())
  for (const weight of [...weights, ...Object.values(parameters), ...Object.values(state)])
    hash.update(new Uint8Array((await weight.data<'float32'>()).buffer.slice(0)))
  return hash.digest('hex')
}

function progressOf(view: ProgressView, what: string): (done: number, total: number) => void {
  let told = Date.now()
  return (done, total) => {
    if (Date.now() - told < 5000) return
    told = Date.now()
    view.note(`${what} of ${done} of ${total} images`)
  }
}
