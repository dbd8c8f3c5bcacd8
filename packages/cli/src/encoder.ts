import { type Resampling, SelfsupError } from '@selfsup/core'
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
  const opened =
    (await openModel(source, { onNote: view.note })) ?? (await runOrModel(source, openRun(source)))
  try {
    return { ...opened, imageShape: fileImageShape(opened) }
  } catch (error) {
    opened.dispose()
    throw error
  }
}

/**
 * Waits for a run that is opened where a model is possible too.
 * @param source what the user passed
 * @throws what `opening` throws; if `source` does not contain a run, the error names what can be passed instead
 */
export function runOrModel<Opened>(source: string, opening: Promise<Opened>): Promise<Opened> {
  return opening.catch((error) => {
    if (!(error instanceof SelfsupError && error.code === 'no-run' && error.path === source)) throw error
    throw new SelfsupError(error.problem, {
      code: error.code,
      path: source,
      fix: 'pass the folder of a run (--out of pretrain) or of an exported model, or a pretrained model such as dinov2-small (selfsup backbones lists their names)',
    })
  })
}
