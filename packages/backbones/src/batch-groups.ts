import type { LayersModel, layers } from '@tensorflow/tfjs-layers'
import { Attention } from './attention.js'
import { BatchNormalization } from './batch-normalization.js'
import { Shift } from './shift.js'

/** The layers of a model that take statistics of the batch, by name, nested ones included. */
export interface BatchNormalisations {
  /** this package's, which `batchGroups` makes normalise parts of the batch apart */
  readonly splittable: readonly string[]
  /** TensorFlow.js's own, as in a loaded model, which normalise the whole batch at any rate */
  readonly whole: readonly string[]
}

/** Finds a model's batch normalisations, to know whether its batch can be split into groups. */
export function batchNormalisations(model: LayersModel): BatchNormalisations {
  const all = layersOf(model).filter((layer) => layer.getClassName() === 'BatchNormalization')
  const names = (of: (layer: layers.Layer) => boolean) => all.filter(of).map(({ name }) => name)
  return {
    splittable: names((layer) => layer instanceof BatchNormalization),
    whole: names((layer) => !(layer instanceof BatchNormalization || layer instanceof Shift)),
  }
}

function layersOf(model: LayersModel): layers.Layer[] {
  return model.layers.flatMap((layer) => {
    // Attention divides by a number through a batch normalisation, and takes no statistics.
    if (layer instanceof Attention) return []
    return 'layers' in layer ? layersOf(layer as LayersModel) : layer
  })
}
