import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { basename } from 'node:path'
import type { Preprocessing } from '@selfsup/core'
import type { Architecture } from './architecture.js'
import {
  backboneOf,
  type PretrainedBackbone,
  type PretrainedOptions,
  preprocessingOf,
} from './backbone-of-file.js'
import { type ModelConfig, parseModelConfig, withExported } from './model-config.js'
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
    return {
      architecture,
      preprocessing: preprocessingOf(files.weights, architecture, withExported(config, file.exported)),
    }
  } finally {
    await file.close()
  }
}

/**
 * Creates the backbone of a file with its weights. Prepare an engine first. For another number of channels than 3, the first kernel
 * is adapted as timm does: the sum over the channels for 1, else the channels repeated and scaled by 3 / channels.
 * @throws SelfsupError if the file is damaged, no architecture is recognised, its tensors do not fit, or the size is not a multiple
 *   of its patches
 */
export async function loadPretrained(
  files: PretrainedFiles,
  options: PretrainedOptions = {},
): Promise<PretrainedBackbone> {
  const config = configOf(files)
  const file = await readWeights(files.weights)
  try {
    return await backboneOf(file, config, options, async () => ({
      source: files.source,
      file: basename(files.weights),
      sha256: await sha256(files.weights),
    }))
  } finally {
    await file.close()
  }
}

function configOf({ configs = {}, heads }: PretrainedFiles): ModelConfig {
  return { ...parseModelConfig(configs), ...(heads !== undefined && { heads }) }
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
