import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expected, type ImageDataset, type Normalisation } from '@selfsup/core'
import type { Features, SplitFeatures, Subject } from '@selfsup/evaluation'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { absoluteSource, openSource } from '../images.js'
import {
  checkRunConfig,
  disposeOf,
  makeMethod,
  normalisationFor,
  normalisationOf,
  type RunConfig,
  trainedMethod,
} from '../run.js'
import { type Asked, columnsOfBoth, missingClasses, type Opened } from './asked.js'
import { exportedFolder, loadExported } from './exported-model.js'
import { openFeatures } from './given-features.js'
import { digest, type FeatureMaker, type FeatureSource, featuresOf, pixelFeatures } from './judge.js'
import { expectFitting, mapsOf, type OtherRun, startsOf, trainableModel } from './trainable.js'

/**
 * Opens a run, an exported model or given features, with the images on which they are judged.
 * @throws SelfsupError when there is none of them, or they don't fit together
 */
export async function openSubject(asked: Asked): Promise<Opened> {
  const given = [asked.train, asked.test].map((path) => path.endsWith('.npy'))
  if (given[0] && given[1]) return openFeatures(asked)
  expected(
    !given[0] && !given[1],
    `${asked.train} and ${asked.test}: both must be images or both features (.npy)`,
  )
  const folder = await exportedFolder(asked.run)
  return folder ? openExported(asked, folder) : openRun(asked)
}

async function openRun(asked: Asked): Promise<Opened> {
  const { run, view } = asked
  const { config, method, step } = await trainedMethod(run)
  const { size, channels } = config.pictures
  const other = asked.other ? await otherRun(asked.other, size, channels) : undefined
  const normalisation = await normalisationOf(config)
  const random = asked.baselines ? await makeMethod(config) : undefined
  const opened = await openPictures(asked, run, `${config.method}, step ${step}`, {
    maker: method,
    random,
    step,
    size,
    channels,
    normalisation,
    starts: startsOf(run, config, other),
    places: (await mapsOf(method)) !== undefined,
    clusterings: config.method === 'iic' ? (test) => ownClusters(method, asked, test) : undefined,
  }).finally(() => {
    disposeOf(method)
    if (random) disposeOf(random)
  })
  if (other && JSON.stringify(other.config.images) === JSON.stringify(config.images))
    view.note(`--other ${other.folder} learned from the same images as ${run}: it is no other domain`)
  return { ...opened, otherWeights: other?.weights ?? '' }
}

async function otherRun(
  folder: string,
  size: number,
  channels: number,
): Promise<OtherRun & { readonly weights: string }> {
  const { config, method } = await trainedMethod(folder)
  try {
    expectFitting({ folder, config }, size, channels)
    return { folder, config, weights: await digest(method) }
  } finally {
    disposeOf(method)
  }
}

/** What IIC's best sub-head makes of the test images. */
async function ownClusters(
  method: unknown,
  { engine, signal, view }: Asked,
  { test, train, indices }: { train: ImageDataset; test: ImageDataset; indices: Int32Array },
): Promise<Record<string, Int32Array>> {
  const { assignClusters, bestSubHead, subHeadLosses } = await import('@selfsup/iic')
  type Iic = Parameters<typeof assignClusters>[0]
  view.note('Clusters of the run’s own head')
  const subHead = bestSubHead(await subHeadLosses(method as Iic, train, { engine, signal }))
  const { assigned, indices: positions } = await assignClusters(method as Iic, test, {
    subHead,
    engine,
    signal,
  })
  const clusterOf = new Map(Array.from(positions, (position, i) => [position, assigned[i]!]))
  return { 'its own head': indices.map((position) => clusterOf.get(position) ?? -1) }
}

async function openExported(asked: Asked, folder: string): Promise<Opened> {
  const model = await loadExported(folder)
  const [, size, width, channels] = model.inputs[0]!.shape as (number | null)[]
  expected(
    size && size === width && (channels === 1 || channels === 3),
    `${folder}: its model must take square pictures [batch, size, size, 1 or 3]; it takes [${model.inputs[0]!.shape}]`,
  )
  expected(!asked.other, `--other needs a run; ${folder} holds an exported model`)
  const network = trainableModel(model)
  const maker: FeatureMaker = {
    name: 'exported model',
    networks: { backbone: model },
    encode: (pictures) => network.apply(pictures, false),
  }
  return openPictures(asked, folder, 'exported model', {
    maker,
    step: 0,
    size,
    channels,
    normalisation: await normalisationBeside(folder, channels),
    starts: [
      { name: 'pretrained', make: async () => exportedNetwork(await loadExported(folder)) },
      {
        name: 'random',
        make: async () => {
          const { initialise } = await import('@selfsup/backbones')
          return exportedNetwork(initialise(await loadExported(folder), 1, 'he'))
        },
      },
    ],
    places: (await mapsOf({ networks: maker.networks })) !== undefined,
  }).finally(() => model.dispose())
}

async function exportedNetwork(backbone: LayersModel) {
  return trainableModel(backbone, await mapsOf({ networks: { backbone } }))
}

/** That of the run in whose folder a model lies; else what the command line takes. */
async function normalisationBeside(folder: string, channels: 1 | 3): Promise<Normalisation> {
  const { config } = await readFile(join(dirname(folder), 'config.json'), 'utf8')
    .then((text): { config: unknown } => JSON.parse(text))
    .catch(() => ({ config: undefined }))
  let run: RunConfig | undefined
  try {
    run = config ? checkRunConfig(dirname(folder), config) : undefined
  } catch {
    run = undefined // of another program: its normalisation is not known
  }
  return run ? normalisationOf(run) : normalisationFor(channels)
}

interface Made {
  readonly maker: FeatureMaker
  readonly random?: FeatureMaker
  readonly step: number
  readonly size: number
  readonly channels: 1 | 3
  readonly normalisation: Normalisation
  readonly starts: NonNullable<Subject['pictures']>['starts']
  readonly places: boolean
  readonly clusterings?: (images: {
    train: ImageDataset
    test: ImageDataset
    indices: Int32Array
  }) => Promise<Record<string, Int32Array>>
}

async function openPictures(asked: Asked, folder: string, name: string, made: Made): Promise<Opened> {
  const { engine, limit, signal, view } = asked
  const { maker, random, step, size, normalisation, starts } = made
  const datasets = await Promise.all([open(asked, 'train', made), open(asked, 'test', made)])
  const [train, test] = datasets as [ImageDataset, ImageDataset]
  try {
    if (train.fingerprint === test.fingerprint)
      view.note(
        `${asked.train} and ${asked.test} are the same images: the accuracy is too good for any others`,
      )
    const cache = join(folder, 'features')
    const source: FeatureSource = { engine, cache, normalisation, size, train, test, limit, signal, view }
    const own = await featuresOf(name, maker, source)
    const baselines: SplitFeatures[] = []
    if (random) baselines.push(await featuresOf('random weights', random, source))
    if (asked.baselines) baselines.push(await pixelFeatures(source))
    return {
      folder,
      otherWeights: '',
      missing: missingClasses(train, test, asked),
      datasets,
      subject: {
        ...own,
        baselines,
        values: await valuesOf({ train, test }, own),
        pictures: { train, test, size, normalisation, starts, places: made.places },
        clusterings: await made.clusterings?.({ train, test, indices: own.test.indices }),
      },
      facts: {
        step,
        weights: await digest(maker),
        images: { train: factsOf(asked.train, train, own.train), test: factsOf(asked.test, test, own.test) },
        features: own.files,
      },
      close: async () => void (await Promise.all(datasets.map((dataset) => dataset.close()))),
    }
  } catch (error) {
    await Promise.all(datasets.map((dataset) => dataset.close()))
    throw error
  }
}

function open(asked: Asked, split: 'train' | 'test', { channels, size }: Made): Promise<ImageDataset> {
  const { strict, view, signal } = asked
  const source = asked[split]
  const colour = source === 'shapes' ? undefined : channels
  return openSource(source, { split, channels: colour, size, strict, view, signal })
}

function factsOf(source: string, { fingerprint }: ImageDataset, { count }: Features) {
  return { source: absoluteSource(source), count, fingerprint }
}

async function valuesOf(
  datasets: Record<'train' | 'test', ImageDataset>,
  features: SplitFeatures,
): Promise<Subject['values']> {
  const { knownValues } = await import('@selfsup/evaluation')
  const train = knownValues(datasets.train, features.train.indices)
  const test = knownValues(datasets.test, features.test.indices)
  return train && test && columnsOfBoth(train, test)
}
