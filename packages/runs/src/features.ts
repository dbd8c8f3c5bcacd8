import { createHash } from 'node:crypto'
import { encoderOf, type ImageDataset, type Method, type Normalisation, type Resampling } from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import type { SplitFeatures } from '@selfsup/evaluation'

/** Images to extract features from, and how. */
export interface FeatureSource {
  readonly engine: Engine
  /** folder for cached features */
  readonly cache: string
  readonly normalisation: Normalisation
  readonly size: number
  /** how images are resized; default: the shorter side to `size`, bilinear */
  readonly resampling?: Resampling
  readonly train: ImageDataset
  readonly test: ImageDataset
  readonly limit?: number
  readonly signal?: AbortSignal
  /** called from time to time with the progress of the extraction */
  readonly onNote?: (text: string) => void
}

/** The part of a method that computes features. */
export type FeatureMaker = Pick<Method, 'name' | 'options' | 'networks' | 'parameters' | 'encode'> &
  Partial<Pick<Method, 'state'>>

/** Features of train and test images, extracted once and cached in the run's folder, with the names of the cache files. */
export async function featuresOf(
  name: string,
  method: FeatureMaker,
  source: FeatureSource,
): Promise<SplitFeatures & { readonly files: Record<'train' | 'test', string> }> {
  const { cachedFeatures, extractFeatures, featuresFile, matchClasses } = await import('@selfsup/evaluation')
  const { engine, cache, normalisation, size, resampling, limit, signal, onNote } = source
  const weights = await digest(method)
  const keyOf = (dataset: ImageDataset) => ({
    weights,
    images: dataset.fingerprint,
    size,
    limit: limit ?? 0,
    ...normalisation,
    ...resamplingKey(resampling),
  })
  const of = (dataset: ImageDataset) =>
    cachedFeatures(cache, keyOf(dataset), () =>
      extractFeatures(encoderOf(method), dataset, {
        normalisation,
        size,
        resampling,
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

/** The part of a key that says how images are resized; empty for the default, so that earlier keys stay valid. */
export function resamplingKey(resampling?: Resampling): { readonly resampling?: string } {
  return resampling ? { resampling: `${resampling.shorterSide} ${resampling.interpolation}` } : {}
}

/** The raw pixels as features: the simplest baseline. */
export async function pixelFeatures(source: FeatureSource): Promise<SplitFeatures> {
  const { matchClasses, rawPixels } = await import('@selfsup/evaluation')
  const options = { size: Math.min(source.size, 32), limit: source.limit, signal: source.signal }
  const train = await rawPixels(source.train, options)
  const { test } = matchClasses(train, await rawPixels(source.test, options))
  return { name: 'raw pixels', train, test }
}

/** Hash of everything that the features depend on: name, options, weights, parameters, state. */
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
