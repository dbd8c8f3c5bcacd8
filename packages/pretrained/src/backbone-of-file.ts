import { backboneFromRecipe } from '@selfsup/backbones'
import { addModelNotes, expected, type Preprocessing, type PretrainedNote } from '@selfsup/core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import type { Architecture } from './architecture.js'
import { assignWeights } from './assign-weights.js'
import type { ModelConfig, StoredPreprocessing } from './model-config.js'
import { recognise } from './recognise.js'
import type { WeightFile } from './weight-file.js'

/** A backbone with pretrained weights. The caller disposes of the model. */
export interface PretrainedBackbone {
  /** from normalised images [batch, size, size, channels] to features [batch, features] */
  readonly model: LayersModel
  readonly preprocessing: Preprocessing
  readonly note: PretrainedNote
}

/**
 * Creates the backbone of an opened file, with its weights.
 * @param note describes the file; called after the weights fit
 * @throws SelfsupError if no architecture is recognised, its tensors do not fit, or the size is not a multiple of its patches
 */
export async function backboneOf(
  file: WeightFile,
  config: ModelConfig,
  size: number | undefined,
  note: () => Promise<PretrainedNote>,
): Promise<PretrainedBackbone> {
  const { reader, naming, facts, tensors } = recognise(file)
  const architecture = reader.describe(facts, naming, config)
  const preprocessing = preprocessingOf(file.path, architecture, config, size)
  const recipe = { name: architecture.name, options: { ...architecture.options, size: preprocessing.size } }
  const model = backboneFromRecipe(recipe)
  try {
    await assignWeights(model, tensors, reader, architecture)
    const pretrained = await note()
    addModelNotes(model, { preprocessing, pretrained })
    return { model, preprocessing, note: pretrained }
  } catch (error) {
    model.dispose()
    throw error
  }
}

/** The evaluation preprocessing of torchvision's first weights and of DINO and DINOv2. */
const usual: StoredPreprocessing = {
  size: 224,
  shorterSide: 256,
  interpolation: 'bicubic',
  normalisation: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
}

/** How images become the input of an architecture. @throws SelfsupError if the size does not fit its patches */
export function preprocessingOf(
  path: string,
  { name, options: { channels }, multipleOf }: Architecture,
  { preprocessing }: ModelConfig,
  given?: number,
): Preprocessing {
  const stored = preprocessing ?? {
    ...usual,
    interpolation: name.startsWith('resnet') ? 'bilinear' : 'bicubic',
    size: Math.max(1, Math.floor(usual.size / multipleOf)) * multipleOf,
  }
  const size = given ?? stored.size
  const below = Math.floor(size / multipleOf) * multipleOf
  expected(
    size % multipleOf === 0,
    `${path} has patches of ${multipleOf} pixels: the size of the images must be a multiple of ${multipleOf}; got ${size}`,
    { fix: `choose ${below > 0 ? `${below} or ` : ''}${below + multipleOf}` },
  )
  const { interpolation, normalisation } = stored
  const shorterSide = Math.max(size, Math.floor((size * stored.shorterSide) / stored.size + 1e-6))
  return { size, channels, normalisation, resampling: { shorterSide, interpolation } }
}
