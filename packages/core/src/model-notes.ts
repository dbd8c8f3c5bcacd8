import type { LayersModel } from '@tensorflow/tfjs-layers'
import type { Normalisation, Resampling } from './dataset.js'
import type { ImageReading } from './image-reading.js'

/** Name and options with which @selfsup/backbones creates the same backbone again. */
export interface BackboneRecipe {
  readonly name: string
  readonly options: Readonly<Record<string, unknown>>
}

/** Preprocessing of images that a model expects. */
export interface Preprocessing {
  /** side length in pixels: the shorter side is resized to it, then the centre is cut out */
  readonly size: number
  readonly channels: number
  /** applied to pixels scaled to 0..1 */
  readonly normalisation: Normalisation
  /** how images of other sizes are resized; default: the shorter side to `size`, bilinear with antialiasing */
  readonly resampling?: Resampling
  /** how the values of image files became pixels; absent if the images did not come from image files */
  readonly reading?: ImageReading
}

/** Where the weights of a pretrained model came from. */
export interface PretrainedNote {
  /** as the user named it: a name, `hf:owner/name` or a path */
  readonly source: string
  /** name of the file */
  readonly file: string
  /** hash of the file */
  readonly sha256: string
}

/** Selfsup's metadata of a model. It is saved with the model: `model.save` writes it, `loadLayersModel` reads it. */
export interface ModelNotes {
  readonly recipe?: BackboneRecipe
  readonly preprocessing?: Preprocessing
  /** false if the features of the training method are not just the model's output; default true */
  readonly complete?: boolean
  /** given if training started from pretrained weights */
  readonly pretrained?: PretrainedNote
}

/** Key of Selfsup's part of a model's user-defined metadata. */
const KEY = 'selfsup'

type WithMetadata = Pick<LayersModel, 'getUserDefinedMetadata' | 'setUserDefinedMetadata'>

/** Adds notes to a model and keeps its other metadata. @returns the model */
export function addModelNotes<Model extends WithMetadata>(model: Model, notes: ModelNotes): Model {
  model.setUserDefinedMetadata({
    ...model.getUserDefinedMetadata(),
    [KEY]: { ...readModelNotes(model), ...notes },
  })
  return model
}

/** The notes of a model; an empty object if it has none. */
export function readModelNotes(model: WithMetadata): ModelNotes {
  const metadata = model.getUserDefinedMetadata() as Record<string, unknown> | undefined
  const notes = metadata?.[KEY]
  return typeof notes === 'object' && notes !== null ? notes : {}
}
