import type { ImageDataset, Method, Normalisation, Resampling } from '@selfsup/core'
import type { Features, SplitFeatures, Subject } from '@selfsup/evaluation'
import { runPaths } from '@selfsup/run-folder'
import { digest, type FeatureMaker, type FeatureSource, featuresOf, pixelFeatures } from './features.js'
import { type FileImageShape, overrideReading } from './file-images.js'
import { absoluteSource, openSource } from './source.js'
import { columnsOfBoth, missingClasses, type OpenedSubject, type SubjectRequest } from './subject-request.js'
import { trainingImages } from './training-images.js'

/** An encoder of images to evaluate. */
export interface ImageSubject {
  /** folder for features and records */
  readonly folder: string
  readonly name: string
  readonly maker: FeatureMaker
  /** the same encoder with fresh weights */
  readonly random?: FeatureMaker
  readonly step: number
  readonly imageShape: FileImageShape
  readonly normalisation: Normalisation
  readonly resampling?: Resampling
  readonly starts: NonNullable<Subject['images']>['starts']
  /** whether the backbone has feature maps, which locate things in an image */
  readonly places: boolean
  /** clusters that the method itself assigns */
  readonly clusters?: Method['clusters']
}

/** Opens the images of both splits and extracts their features. */
export async function openImageSubject(request: SubjectRequest, from: ImageSubject): Promise<OpenedSubject> {
  const { engine, limit, signal, onNote } = request
  const { folder, name, maker, random, step, normalisation, resampling, starts, places } = from
  const { size } = from.imageShape
  const datasets = await Promise.all([open(request, 'train', from), open(request, 'test', from)])
  const [train, test] = datasets as [ImageDataset, ImageDataset]
  try {
    if (train.fingerprint === test.fingerprint)
      onNote?.(
        `${request.train} and ${request.test} are the same images: accuracy on other images will be lower`,
      )
    const cache = runPaths(folder).features
    const source: FeatureSource = {
      engine,
      cache,
      normalisation,
      size,
      resampling,
      train,
      test,
      limit,
      signal,
      onNote,
    }
    const own = await featuresOf(name, maker, { ...source, merge: request.merge })
    const inTraining = trainingImages({ train, test }, own)
    if (inTraining > 0 && train.fingerprint !== test.fingerprint)
      onNote?.(
        `${inTraining} of the ${own.test.count} test images are training images too: accuracy on other images will be lower`,
      )
    const baselines: SplitFeatures[] = []
    if (random) baselines.push(await featuresOf('random weights', random, source))
    if (request.baselines) baselines.push(await pixelFeatures(source))
    return {
      folder,
      otherWeights: '',
      missing: missingClasses(train, test, request),
      datasets,
      subject: {
        ...own,
        baselines,
        values: await valuesOf({ train, test }, own),
        images: { train, test, size, normalisation, starts, places },
        clusterings: await clusteringsOf(from, request, { train, test }, own.test.indices),
      },
      facts: {
        step,
        weights: await digest(maker),
        images: {
          train: factsOf(request.train, train, own.train),
          test: { ...factsOf(request.test, test, own.test), ...(inTraining > 0 && { inTraining }) },
        },
        features: own.files,
      },
      close: async () => void (await Promise.all(datasets.map((dataset) => dataset.close()))),
    }
  } catch (error) {
    await Promise.all(datasets.map((dataset) => dataset.close()))
    throw error
  }
}

/** The clusters that a method assigns, in the order of the test features; -1 for unreadable images. */
async function clusteringsOf(
  { clusters }: ImageSubject,
  { engine, signal, onNote }: SubjectRequest,
  images: { train: ImageDataset; test: ImageDataset },
  indices: Int32Array,
): Promise<Subject['clusterings']> {
  if (!clusters) return undefined
  onNote?.('Assigning clusters by the method itself')
  const found = await clusters(images, { engine, signal })
  const clusterOf = new Map(Array.from(found.indices, (index, i) => [index, found.clusters[i]!]))
  return { [found.name]: indices.map((index) => clusterOf.get(index) ?? -1) }
}

function open(
  { strict, onNote, signal, reading: changes, ...sources }: SubjectRequest,
  split: 'train' | 'test',
  { imageShape: { channels, size, reading } }: ImageSubject,
): Promise<ImageDataset> {
  const source = sources[split]
  const colour = source === 'shapes' ? undefined : channels
  const options = { split, channels: colour, size, strict, onNote, signal }
  return openSource(source, { ...options, reading: overrideReading(reading, changes) })
}

function factsOf(source: string, { fingerprint }: ImageDataset, { count }: Features) {
  return { source: absoluteSource(source), count, fingerprint }
}

async function valuesOf(
  datasets: Record<'train' | 'test', ImageDataset>,
  features: SplitFeatures,
): Promise<Subject['values']> {
  const { numericAnnotations } = await import('@selfsup/evaluation')
  const train = numericAnnotations(datasets.train, features.train.indices)
  const test = numericAnnotations(datasets.test, features.test.indices)
  return train && test && columnsOfBoth(train, test)
}
