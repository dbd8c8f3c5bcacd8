import { SelfsupError } from '@selfsup/core'
import { exportedFolder, type FeatureMaker, type OpenedRun, openExportedModel, openRun } from '@selfsup/runs'
import type { ProgressView } from './progress.js'

/** Computes features of images: the method of a run, or an exported model. */
export interface OpenedEncoder extends Pick<OpenedRun, 'encode' | 'normalisation' | 'dispose'> {
  readonly maker: FeatureMaker
  readonly imageShape: { readonly size: number; readonly channels: 1 | 3 }
}

/**
 * Opens the folder of a run, or of an exported model.
 * @throws SelfsupError if the folder has neither, or the network's images don't have 1 or 3 channels
 */
export async function openEncoder(folder: string, view: ProgressView): Promise<OpenedEncoder> {
  const exported = await exportedFolder(folder)
  const opened = exported ? await openModel(exported, view) : await openRun(folder)
  const { size, channels } = opened.imageShape
  if (channels === 1 || channels === 3) return { ...opened, imageShape: { size, channels } }
  opened.dispose()
  throw new SelfsupError(
    `${folder}: its network takes images of ${channels} channels; only images of 1 or 3 channels can be opened`,
  )
}

async function openModel(folder: string, view: ProgressView) {
  const { model, ...opened } = await openExportedModel(folder, view.note)
  const { encode } = opened
  return { ...opened, maker: { name: 'exported model', networks: { backbone: model }, encode } }
}
