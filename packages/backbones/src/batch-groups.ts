import type { LayersModel, layers } from '@tensorflow/tfjs-layers'
import { Attention } from './attention.js'
import { BatchNormalization } from './batch-normalization.js'
import { ConstantStatistics } from './constant-statistics.js'

/** Names of a model's layers that compute statistics of the batch, including nested layers. */
export interface BatchNormalisations {
  /** layers of this package, which support `batchGroups` */
  readonly splittable: readonly string[]
  /** layers of TensorFlow.js, as in a loaded model, which always normalise the whole batch */
  readonly whole: readonly string[]
}

/** Finds a model's batch normalisations, which determine whether its batch can be split into groups. */
export function batchNormalisations(model: LayersModel): BatchNormalisations {
  const all = layersOf(model).filter((layer) => layer.getClassName() === 'BatchNormalization')
  const names = (of: (layer: layers.Layer) => boolean) => all.filter(of).map(({ name }) => name)
  return {
    splittable: names((layer) => layer instanceof BatchNormalization),
    whole: names((layer) => !(layer instanceof BatchNormalization || layer instanceof ConstantStatistics)),
  }
}

function layersOf(model: LayersModel): layers.Layer[] {
  return model.layers.flatMap((layer) => {
    // Attention uses a batch normalisation to divide by a number; it computes no statistics.
    if (layer instanceof Attention) return []
    return 'layers' in layer ? layersOf(layer as LayersModel) : layer
  })
}
