import { createHash } from 'node:crypto'
import { encoderOf, type ImageDataset, type Method, type Normalisation } from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import type { SplitFeatures } from '@selfsup/evaluation'
import type { ProgressView } from '../progress.js'
import { percent, table } from '../table.js'

/** What features are made of. */
export interface FeatureSource {
  readonly engine: Engine
  /** folder in which features are kept */
  readonly cache: string
  readonly normalisation: Normalisation
  readonly size: number
  readonly train: ImageDataset
  readonly test: ImageDataset
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

/** What of a method makes features. */
export type FeatureMaker = Pick<Method, 'name' | 'options' | 'networks' | 'parameters' | 'encode'> &
  Partial<Pick<Method, 'state'>>

/** Features of a method's, extracted once and kept beside the run, and the names of the files that keep them. */
export async function featuresOf(
  name: string,
  method: FeatureMaker,
  judge: FeatureSource,
): Promise<SplitFeatures & { readonly files: Record<'train' | 'test', string> }> {
  const { cachedFeatures, extractFeatures, featuresFile, matchClasses } = await import('@selfsup/evaluation')
  const { engine, cache, normalisation, size, limit, signal, view } = judge
  const weights = await digest(method)
  const keyOf = (dataset: ImageDataset) => ({
    weights,
    images: dataset.fingerprint,
    size,
    limit: limit ?? 0,
    ...normalisation,
  })
  const of = (dataset: ImageDataset) =>
    cachedFeatures(cache, keyOf(dataset), () =>
      extractFeatures(encoderOf(method), dataset, {
        normalisation,
        size,
        limit,
        engine,
        signal,
        onProgress: progressOf(view, `${name}: features`),
      }),
    )
  const train = await of(judge.train)
  const { test } = matchClasses(train, await of(judge.test))
  const files = { train: featuresFile(keyOf(judge.train)), test: featuresFile(keyOf(judge.test)) }
  return { name, train, test, files }
}

/** The pixels themselves, the baseline below all others. */
export async function pixelFeatures(judge: FeatureSource): Promise<SplitFeatures> {
  const { matchClasses, rawPixels } = await import('@selfsup/evaluation')
  const options = { size: Math.min(judge.size, 32), limit: judge.limit, signal: judge.signal }
  const train = await rawPixels(judge.train, options)
  const { test } = matchClasses(train, await rawPixels(judge.test, options))
  return { name: 'raw pixels', train, test }
}

/** kNN and linear probe of features. */
export async function judgeFeatures({ name, train, test }: SplitFeatures): Promise<Judgement> {
  const { knn, linearProbe } = await import('@selfsup/evaluation')
  const { accuracy } = await knn(train, test)
  const probe = await linearProbe(train, test)
  return { features: name, knn: accuracy, linear: probe.accuracy, linearTop5: probe.top5 }
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
export async function digest({
  name,
  options,
  networks,
  parameters = {},
  state = {},
}: FeatureMaker): Promise<string> {
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
