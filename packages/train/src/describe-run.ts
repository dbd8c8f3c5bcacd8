import { type Dataset, type ImageShape, type Method, notesOfModel } from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import { FORMAT_VERSION, type RunConfig, type TrainSettings } from '@selfsup/run-folder'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import manifest from '../package.json' with { type: 'json' }

/** The name of the file that holds a backbone's layers, as `RunPaths.topology` has it. */
const TOPOLOGY = 'topology.json'

/** Writes down what a run is made of: enough to make method, backbone and images again without the program that made them. */
export function describeRun(
  method: Method,
  dataset: Dataset & { readonly channels?: number },
  settings: TrainSettings,
  stepsPerEpoch: number,
  config: Readonly<Record<string, unknown>>,
  engine: Engine,
): RunConfig {
  const { name, fingerprint, length, channels, source } = dataset
  return {
    formatVersion: FORMAT_VERSION,
    method: method.name,
    options: method.options ?? {},
    backbone: describeBackbone(method.networks.backbone),
    imageShape: imageShapeOf(method),
    normalisation: method.normalisation,
    features: method.encode ? 'method' : 'backbone',
    dataset: { name, fingerprint, length, channels, source },
    settings,
    stepsPerEpoch,
    config,
    precision: engine.precision,
    versions: {
      '@selfsup/train': manifest.version,
      '@tensorflow/tfjs-core': tf.version_core,
      node: process.versions.node,
      engine: `${engine.name}: ${engine.description}`,
    },
  }
}

/** A backbone by its recipe, or else by the file of its layers. */
function describeBackbone(model: LayersModel): NonNullable<RunConfig['backbone']> {
  const { recipe } = notesOfModel(model)
  return recipe ? { name: recipe.name, options: recipe.options } : { name: model.name, topology: TOPOLOGY }
}

/** The layers of a backbone without a recipe. @returns undefined for one with a recipe */
export function topologyOf({ networks: { backbone } }: Method): unknown {
  return notesOfModel(backbone).recipe ? undefined : backbone.toJSON(undefined, false)
}

/** The images that a method takes: its own word, or else the backbone's input. @returns undefined where that is no square */
function imageShapeOf({ imageShape, networks }: Method): ImageShape | undefined {
  if (imageShape) return imageShape
  const [, height, width, channels] = networks.backbone.inputs[0]?.shape ?? []
  return height && channels && height === width ? { size: height, channels } : undefined
}
