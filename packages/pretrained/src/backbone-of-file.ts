import { backboneFromRecipe } from '@selfsup/backbones'
import { addModelNotes, expected, type Preprocessing, type PretrainedNote } from '@selfsup/core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import type { Architecture } from './architecture.js'
import { assignWeights } from './assign-weights.js'
import { adaptNormalisation } from './input-channels.js'
import { type ModelConfig, type StoredPreprocessing, withExported } from './model-config.js'
import { recognise } from './recognise.js'
import type { WeightFile } from './weight-file.js'

/** A backbone with pretrained weights. The caller disposes of the model. */
export interface PretrainedBackbone {
  /** from normalised images [batch, size, size, channels] to features [batch, features] */
  readonly model: LayersModel
  readonly preprocessing: Preprocessing
  readonly note: PretrainedNote
}

/** Shape of the images that a pretrained backbone is made for. */
export interface PretrainedOptions {
  /** side of the images in pixels; default: that of its preprocessing */
  readonly size?: number
  /** channels of the images; default: those of the weights */
  readonly channels?: number
}

/**
 * Creates the backbone of an opened file, with its weights.
 * @param note describes the file; called after the weights fit
 * @throws SelfsupError if no architecture is recognised, its tensors do not fit, or the size is not a multiple of its patches
 */
export async function backboneOf(
  file: WeightFile,
  config: ModelConfig,
  { size, channels }: PretrainedOptions,
  note: () => Promise<PretrainedNote>,
): Promise<PretrainedBackbone> {
  const { reader, naming, facts, tensors } = recognise(file)
  const stored = reader.describe(facts, naming, config)
  const architecture = channels === undefined ? stored : withChannels(file.path, stored, channels)
  const preprocessing = preprocessingOf(file.path, architecture, withExported(config, file.exported), size)
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

/** The architecture for images with another number of channels. @throws SelfsupError if its weights cannot be adapted */
function withChannels(path: string, architecture: Architecture, channels: number): Architecture {
  const { channels: own } = architecture.options
  expected(
    Number.isInteger(channels) && channels >= 1 && (own === channels || own === 3),
    `${path} takes images of ${own} ${own === 1 ? 'channel' : 'channels'}; got images of ${channels}`,
    { fix: 'use weights for images of 3 channels, which can be adapted to any number' },
  )
  return { ...architecture, options: { ...architecture.options, channels } }
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
  { preprocessing, asRuns, reading }: ModelConfig,
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
  const { interpolation } = stored
  const normalisation = adaptNormalisation(stored.normalisation, channels)
  const shorterSide = Math.max(size, Math.floor((size * stored.shorterSide) / stored.size + 1e-6))
  return {
    size,
    channels,
    normalisation,
    ...(!asRuns && { resampling: { shorterSide, interpolation } }),
    ...(reading && { reading }),
  }
}
