import { basename, join, resolve } from 'node:path'
import { automaticReading, type Encoder } from '@selfsup/core'
import type { Tensor2D } from '@tensorflow/tfjs-core'
import { type ExportedModel, exportedFolder, openExportedModel } from './exported-model.js'

/** How a model is opened. */
export interface ModelOptions {
  /** side of the images in pixels, for a pretrained model; default: that of its preprocessing */
  readonly size?: number
  /** called with notes for the user: a download, unknown preprocessing */
  readonly onNote?: (text: string) => void
}

/**
 * Opens a model to compute features with: an exported model, or a pretrained one by name (`dinov2-small`), address on the Hugging
 * Face Hub (`hf:owner/name`), file of weights, or folder with one. Prepare an engine first.
 * @returns undefined if `source` is not one of them; it may be a run
 * @throws SelfsupError if a file is missing or damaged, or a download fails
 */
export async function openModel(
  source: string,
  { size, onNote }: ModelOptions = {},
): Promise<ExportedModel | undefined> {
  const exported = await exportedFolder(source)
  if (exported) return openExportedModel(exported, onNote)
  const { findPretrained, isPretrained, loadPretrained } = await import('@selfsup/pretrained')
  if (!(await isPretrained(source))) return undefined
  const files = await findPretrained(source, { onNote })
  const { model, preprocessing } = await loadPretrained(files, { size })
  const { normalisation, resampling, channels } = preprocessing
  const encode: Encoder = (images) => model.apply(images, { training: false }) as Tensor2D
  return {
    folder: resultsFolder(source),
    model,
    imageShape: { size: preprocessing.size, channels },
    normalisation,
    resampling,
    reading: automaticReading,
    encode,
    maker: { name: basename(source), networks: { backbone: model }, encode },
    dispose: () => model.dispose(),
  }
}

/** Folder for what is computed with a pretrained model: records of evaluations, indexes. */
export function resultsFolder(source: string): string {
  const name = source.startsWith('hf:') ? source.slice(3) : basename(resolve(source))
  return join('runs', name.replace(/[^\p{L}\p{N}_.-]+/gu, '-'))
}
