import { createHash } from 'node:crypto'
import { join } from 'node:path'
import {
  encoderOf,
  expected,
  type ImageDataset,
  type Method,
  type Normalisation,
  type Resampling,
  SelfsupError,
} from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import type { Features, SplitFeatures } from '@selfsup/evaluation'

/** How features are extracted, and where they are cached. */
export interface Extraction {
  readonly engine: Engine
  /** folder for cached features */
  readonly cache: string
  readonly normalisation: Normalisation
  readonly size: number
  /** how images are resized; default: the shorter side to `size`, bilinear */
  readonly resampling?: Resampling
  readonly limit?: number
  readonly signal?: AbortSignal
  /** called from time to time with the progress of the extraction */
  readonly onNote?: (text: string) => void
}

/** Images to extract features from, and how. */
export interface FeatureSource extends Extraction {
  readonly train: ImageDataset
  readonly test: ImageDataset
  /** number of shares that `shareOfFeatures` computed: they are joined instead of extracting features again */
  readonly merge?: number
}

/** One of several shares of the images: consecutive positions. All shares together are all images, in order. */
export interface FeatureShare {
  /** from 1 */
  readonly number: number
  readonly count: number
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
  const { featuresFile, matchClasses } = await import('@selfsup/evaluation')
  const weights = await digest(method)
  const of = (dataset: ImageDataset) => wholeFeatures(name, method, dataset, { ...source, weights })
  const train = await of(source.train)
  const { test } = matchClasses(train, await of(source.test))
  const file = (dataset: ImageDataset) => featuresFile(keyOf(dataset, { ...source, weights }))
  return { name, train, test, files: { train: file(source.train), test: file(source.test) } }
}

type WithWeights = Extraction & { readonly weights: string }

function keyOf(
  { fingerprint: images }: ImageDataset,
  { weights, size, limit = 0, normalisation, resampling }: WithWeights,
) {
  return { weights, images, size, limit, ...normalisation, ...resamplingKey(resampling) }
}

async function wholeFeatures(
  name: string,
  method: FeatureMaker,
  dataset: ImageDataset,
  source: WithWeights & Pick<FeatureSource, 'merge'>,
): Promise<Features> {
  const { cachedFeatures } = await import('@selfsup/evaluation')
  const { merge } = source
  return cachedFeatures(
    source.cache,
    keyOf(dataset, source),
    () =>
      merge === undefined
        ? extract(`${name}: features`, method, dataset, source)
        : joined(dataset, { ...source, merge }),
    // Files that could not be read for now are tried again the next time.
    () => !dataset.skipped().some(({ temporary }) => temporary),
  )
}

async function extract(
  what: string,
  method: FeatureMaker,
  dataset: ImageDataset,
  { onNote, cache: _cache, ...options }: Extraction & { readonly positions?: Uint32Array },
): Promise<Features> {
  const { extractFeatures } = await import('@selfsup/evaluation')
  return extractFeatures(encoderOf(method), dataset, { ...options, onProgress: progressOf(onNote, what) })
}

/**
 * Features of one share of a dataset's images, extracted once and cached for `joinedFeatures`.
 * @throws SelfsupError if there are fewer images than shares
 */
export async function shareOfFeatures(
  method: FeatureMaker,
  dataset: ImageDataset,
  share: FeatureShare,
  extraction: Omit<Extraction, 'limit'>,
): Promise<Features> {
  const { number, count } = share
  expected(
    count <= dataset.length,
    `${dataset.name}: ${dataset.length} images can't be divided into ${count} shares`,
  )
  const { cachedFeatures } = await import('@selfsup/evaluation')
  const source = { ...extraction, weights: await digest(method) }
  const [start, end] = [number - 1, number].map((part) => Math.floor((part * dataset.length) / count)) as [
    number,
    number,
  ]
  const positions = Uint32Array.from({ length: end - start }, (_, i) => start + i)
  return cachedFeatures(source.cache, { ...keyOf(dataset, source), share: `${number}/${count}` }, () =>
    extract(`share ${number}: features`, method, dataset, { ...source, positions }),
  )
}

/**
 * Features of all images of a dataset, joined from the shares that `shareOfFeatures` cached with the same weights and images.
 * @param merge number of shares
 * @throws SelfsupError that names the missing shares
 */
export async function joinedFeatures(
  method: FeatureMaker,
  dataset: ImageDataset,
  merge: number,
  extraction: Omit<Extraction, 'limit'>,
): Promise<Features> {
  return joined(dataset, { ...extraction, weights: await digest(method), merge })
}

async function joined(
  dataset: ImageDataset,
  { merge, ...source }: WithWeights & { readonly merge: number },
): Promise<Features> {
  const { featuresFile, joinFeatures, readFeatures } = await import('@selfsup/evaluation')
  const key = keyOf(dataset, source)
  const shares = await Promise.all(
    Array.from({ length: merge }, (_, i) =>
      readFeatures(join(source.cache, featuresFile({ ...key, share: `${i + 1}/${merge}` }))),
    ),
  )
  const missing = shares.flatMap((share, i) => (share ? [] : [`${i + 1}/${merge}`]))
  if (missing.length > 0)
    throw new SelfsupError(
      `${dataset.name}: ${missing.length === 1 ? 'share' : 'shares'} ${missing.join(', ')} of the features for these weights and images ${missing.length === 1 ? 'is' : 'are'} missing`,
      {
        code: 'not-found',
        path: source.cache,
        fix: `compute ${missing.length === 1 ? 'it' : 'them'} first, with the same images`,
      },
    )
  return joinFeatures(shares as Features[])
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
