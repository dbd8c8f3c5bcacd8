import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { basename } from 'node:path'
import { backboneFromRecipe } from '@selfsup/backbones'
import { addModelNotes, expected, type Preprocessing, type PretrainedNote } from '@selfsup/core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import type { Architecture } from './architecture.js'
import { assignWeights } from './assign-weights.js'
import { type ModelConfig, parseModelConfig, type StoredPreprocessing } from './model-config.js'
import { readWeights } from './read-weights.js'
import { recognise } from './recognise.js'

/** The files of a pretrained model on disk. */
export interface PretrainedFiles {
  /** as the user named it */
  readonly source: string
  /** path of the file of weights */
  readonly weights: string
  /** contents of config.json and preprocessor_config.json, if they exist */
  readonly configs?: Readonly<Record<string, string | undefined>>
  /** attention heads, if they follow neither from the width nor from config.json */
  readonly heads?: number
}

/** Shape of the images that a pretrained backbone is made for. */
export interface PretrainedOptions {
  /** side of the images in pixels; default: that of its preprocessing */
  readonly size?: number
}

/** A backbone with pretrained weights. The caller disposes of the model. */
export interface PretrainedBackbone {
  /** from normalised images [batch, size, size, channels] to features [batch, features] */
  readonly model: LayersModel
  readonly preprocessing: Preprocessing
  readonly note: PretrainedNote
}

/** What a file contains, without its weights. */
export interface PretrainedDescription {
  readonly architecture: Architecture
  /** for images of the default size */
  readonly preprocessing: Preprocessing
}

/**
 * Describes the network in a file: its architecture and preprocessing. Reads no weights and needs no engine.
 * @throws SelfsupError if the file is damaged or no architecture is recognised
 */
export async function describePretrained(files: PretrainedFiles): Promise<PretrainedDescription> {
  const config = configOf(files)
  const file = await readWeights(files.weights)
  try {
    const { reader, naming, facts } = recognise(file)
    const architecture = reader.describe(facts, naming, config)
    return { architecture, preprocessing: preprocessingOf(files.weights, architecture, config) }
  } finally {
    await file.close()
  }
}

/**
 * Creates the backbone of a file with its weights. Prepare an engine first.
 * @throws SelfsupError if the file is damaged, no architecture is recognised, its tensors do not fit, or the size is not a multiple
 *   of its patches
 */
export async function loadPretrained(
  files: PretrainedFiles,
  { size }: PretrainedOptions = {},
): Promise<PretrainedBackbone> {
  const config = configOf(files)
  const file = await readWeights(files.weights)
  try {
    const { reader, naming, facts, tensors } = recognise(file)
    const architecture = reader.describe(facts, naming, config)
    const preprocessing = preprocessingOf(files.weights, architecture, config, size)
    const recipe = { name: architecture.name, options: { ...architecture.options, size: preprocessing.size } }
    const model = backboneFromRecipe(recipe)
    try {
      await assignWeights(model, tensors, reader, architecture)
      const note = {
        source: files.source,
        file: basename(files.weights),
        sha256: await sha256(files.weights),
      }
      addModelNotes(model, { preprocessing, pretrained: note })
      return { model, preprocessing, note }
    } catch (error) {
      model.dispose()
      throw error
    }
  } finally {
    await file.close()
  }
}

function configOf({ configs = {}, heads }: PretrainedFiles): ModelConfig {
  return { ...parseModelConfig(configs), ...(heads !== undefined && { heads }) }
}

/** The evaluation preprocessing of torchvision's first weights and of DINO and DINOv2. */
const usual: StoredPreprocessing = {
  size: 224,
  shorterSide: 256,
  interpolation: 'bicubic',
  normalisation: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
}

function preprocessingOf(
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

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
