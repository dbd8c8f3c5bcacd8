import type { LayersModel } from '@tensorflow/tfjs-layers'
import type { Normalisation } from './dataset.js'

/** How a backbone of @selfsup/backbones is made again: its name there, and the options that it was made with. */
export interface BackboneRecipe {
  readonly name: string
  readonly options: Readonly<Record<string, unknown>>
}

/** What a model expects of images. */
export interface Preprocessing {
  /** side in pixels: the shorter side is brought to it, then the middle taken */
  readonly size: number
  readonly channels: number
  /** of pixels once they are 0..1 */
  readonly normalisation: Normalisation
}

/** What Selfsup notes on a model. It travels with the model: `model.save` writes it, `loadLayersModel` reads it. */
export interface ModelNotes {
  readonly recipe?: BackboneRecipe
  readonly preprocessing?: Preprocessing
  /** false where the features of the method that trained the model are more than the model's output; default true */
  readonly complete?: boolean
}

/** The name of our part of a model's user-defined metadata. */
const KEY = 'selfsup'

type WithMetadata = Pick<LayersModel, 'getUserDefinedMetadata' | 'setUserDefinedMetadata'>

/** Adds notes to those that a model has; metadata of others stays. @returns the model */
export function noteOnModel<Model extends WithMetadata>(model: Model, notes: ModelNotes): Model {
  model.setUserDefinedMetadata({
    ...model.getUserDefinedMetadata(),
    [KEY]: { ...notesOfModel(model), ...notes },
  })
  return model
}

/** The notes on a model; none on one that is not ours. */
export function notesOfModel(model: WithMetadata): ModelNotes {
  const metadata = model.getUserDefinedMetadata() as Record<string, unknown> | undefined
  const notes = metadata?.[KEY]
  return typeof notes === 'object' && notes !== null ? notes : {}
}
