import {
  exportedFolder,
  type FileImageShape,
  fileImageShape,
  type OpenedRun,
  openExportedModel,
  openRun,
} from '@selfsup/runs'
import type { ProgressView } from './progress.js'

/** Computes features of images: the method of a run, or an exported model. */
export interface OpenedEncoder extends Pick<OpenedRun, 'encode' | 'normalisation' | 'maker' | 'dispose'> {
  readonly imageShape: FileImageShape
}

/**
 * Opens the folder of a run, or of an exported model.
 * @throws SelfsupError if the folder has neither, or the network's images don't have 1 or 3 channels
 */
export async function openEncoder(folder: string, view: ProgressView): Promise<OpenedEncoder> {
  const exported = await exportedFolder(folder)
  const opened = exported ? await openExportedModel(exported, view.note) : await openRun(folder)
  try {
    return { ...opened, imageShape: fileImageShape(opened) }
  } catch (error) {
    opened.dispose()
    throw error
  }
}
