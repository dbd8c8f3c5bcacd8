import { createHash } from 'node:crypto'
import { encoderOf, type ImageDataset, type Method, type Normalisation } from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import type { SplitFeatures } from '@selfsup/evaluation'

/** Images that features are extracted from, and how. */
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
  /** told now and then how far the extraction is */
  readonly onNote?: (text: string) => void
}

/** What of a method makes features. */
export type FeatureMaker = Pick<Method, 'name' | 'options' | 'networks' | 'parameters' | 'encode'> &
  Partial<Pick<Method, 'state'>>

/** Features of train and test images, extracted once and kept in the run's folder, and the names of the files that keep them. */
export async function featuresOf(
  name: string,
  method: FeatureMaker,
  source: FeatureSource,
): Promise<SplitFeatures & { readonly files: Record<'train' | 'test', string> }> {
  const { cachedFeatures, extractFeatures, featuresFile, matchClasses } = await import('@selfsup/evaluation')
  const { engine, cache, normalisation, size, limit, signal, onNote } = source
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
        onProgress: progressOf(onNote, `${name}: features`),
      }),
    )
  const train = await of(source.train)
  const { test } = matchClasses(train, await of(source.test))
  const files = { train: featuresFile(keyOf(source.train)), test: featuresFile(keyOf(source.test)) }
  return { name, train, test, files }
}

/** The pixels themselves, the baseline below all others. */
export async function pixelFeatures(source: FeatureSource): Promise<SplitFeatures> {
  const { matchClasses, rawPixels } = await import('@selfsup/evaluation')
  const options = { size: Math.min(source.size, 32), limit: source.limit, signal: source.signal }
  const train = await rawPixels(source.train, options)
  const { test } = matchClasses(train, await rawPixels(source.test, options))
  return { name: 'raw pixels', train, test }
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

function progressOf(onNote: FeatureSource['onNote'], what: string): (done: number, total: number) => void {
  let last = Date.now()
  return (done, total) => {
    if (Date.now() - last < 5000) return
    last = Date.now()
    onNote?.(`${what} of ${done} of ${total} images`)
  }
}
