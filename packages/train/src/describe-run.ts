import {
  type Dataset,
  type ImageDataset,
  type ImageReading,
  type ImageShape,
  type Method,
  readModelNotes,
} from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import { FORMAT_VERSION, type RunConfig, type TrainSettings } from '@selfsup/run-folder'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import manifest from '../package.json' with { type: 'json' }

/** Name of the file with a backbone's layers; the same as in `RunPaths.topology`. */
const TOPOLOGY = 'topology.json'

/** How a dataset's image files were read; undefined if it has none, or if they were read as before runs saved it. */
export function readingOf(
  dataset: Dataset & Partial<Pick<ImageDataset, 'reading'>>,
): ImageReading | undefined {
  return dataset.reading?.former ? undefined : dataset.reading
}

/** Describes a run for config.json, so that its method, backbone and images can be created again without the original program. */
export function describeRun(
  method: Method,
  dataset: Dataset & Partial<Pick<ImageDataset, 'channels' | 'reading'>>,
  settings: TrainSettings,
  stepsPerEpoch: number,
  config: Readonly<Record<string, unknown>>,
  engine: Engine,
): RunConfig {
  const { name, fingerprint, length, channels, source } = dataset
  const reading = readingOf(dataset)
  return {
    formatVersion: FORMAT_VERSION,
    method: method.name,
    options: method.options ?? {},
    backbone: describeBackbone(method.networks.backbone),
    imageShape: imageShapeOf(method),
    normalisation: method.normalisation,
    ...(method.teacher && { teacher: method.teacher }),
    features: method.encode ? 'method' : 'backbone',
    dataset: { name, fingerprint, length, channels, source, ...(reading && { reading }) },
    settings,
    stepsPerEpoch,
    config,
    precision: engine.precision,
    versions: {
      '@selfsup/train': manifest.version,
      '@tensorflow/tfjs-core': tf.version_core,
      ...platform(),
      engine: `${engine.name}: ${engine.description}`,
    },
  }
}

/** Version of Node, or the browser. */
function platform(): Record<string, string> {
  const node = globalThis.process?.versions?.node
  return node
    ? { node }
    : { browser: (globalThis as { navigator?: { userAgent?: string } }).navigator?.userAgent ?? 'unknown' }
}

/** Describes a backbone by its recipe, or by the file of its layers if it has no recipe. */
function describeBackbone(model: LayersModel): NonNullable<RunConfig['backbone']> {
  const { recipe, pretrained } = readModelNotes(model)
  return {
    ...(recipe ? { name: recipe.name, options: recipe.options } : { name: model.name, topology: TOPOLOGY }),
    ...(pretrained && { pretrained }),
  }
}

/** The layers of a backbone without a recipe. @returns undefined if the backbone has a recipe */
export function topologyOf({ networks: { backbone } }: Method): unknown {
  return readModelNotes(backbone).recipe ? undefined : backbone.toJSON(undefined, false)
}

/** Shape of a method's images: its `imageShape`, or the backbone's input. @returns undefined if the input is not square */
function imageShapeOf({ imageShape, networks }: Method): ImageShape | undefined {
  if (imageShape) return imageShape
  const [, height, width, channels] = networks.backbone.inputs[0]?.shape ?? []
  return height && channels && height === width ? { size: height, channels } : undefined
}
