import type { Resampling } from '@selfsup/core'
import { type FileImageShape, fileImageShape, type OpenedRun, openModel, openRun } from '@selfsup/runs'
import type { ProgressView } from './progress.js'

/** Computes features of images: the method of a run, or an exported or pretrained model. */
export interface OpenedEncoder
  extends Pick<OpenedRun, 'folder' | 'encode' | 'normalisation' | 'maker' | 'dispose'> {
  readonly imageShape: FileImageShape
  readonly resampling?: Resampling
}

/**
 * Opens the folder of a run or of an exported model, or a pretrained model by name, address or path.
 * @throws SelfsupError if there is none of them, or the network's images don't have 1 or 3 channels
 */
export async function openEncoder(source: string, view: ProgressView): Promise<OpenedEncoder> {
  const opened = (await openModel(source, { onNote: view.note })) ?? (await openRun(source))
  try {
    return { ...opened, imageShape: fileImageShape(opened) }
  } catch (error) {
    opened.dispose()
    throw error
  }
}
