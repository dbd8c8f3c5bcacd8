import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import {
  type ImageDataset,
  type Resampling,
  SelfsupError,
  type Teacher,
  type TeacherReference,
} from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import { NoRunError } from '@selfsup/run-folder'
import { digest } from './features.js'
import { openModel } from './open-model.js'
import { openRun } from './open-run.js'

/** A teacher that was opened. */
export interface OpenedTeacher extends Teacher {
  /** how its images are resized; default bilinear */
  readonly resampling?: Resampling
  dispose(): void
}

/**
 * Opens the network that a method learns from: the backbone of a run, an exported model, or a pretrained one. Prepare an engine
 * first.
 * @param source path of a folder, or what `openModel` takes
 * @param onNote called with notes for the user, such as a download
 * @throws SelfsupError if nothing can be opened there
 */
export async function openTeacher(source: string, onNote?: (text: string) => void): Promise<OpenedTeacher> {
  // Names of pretrained models stay as they are.
  const path = existsSync(source) ? resolve(source) : source
  const found = await openModel(path, { onNote })
  const opened =
    found ??
    (await openRun(path).catch((error) => {
      if (!(error instanceof NoRunError)) throw error
      throw new SelfsupError(`the teacher ${source} is neither a run nor an exported or pretrained model`, {
        code: 'not-found',
        fix: 'pass the folder of a run or of a TensorFlow.js layers model (model.json), or the name of a pretrained model',
        path,
      })
    }))
  const model = 'model' in opened ? opened.model : opened.backbone
  const { normalisation, dispose } = opened
  const fingerprint = await digest({ name: 'teacher', networks: { backbone: model } })
  const resampling = found?.resampling
  return { source: path, fingerprint, model, normalisation, resampling, dispose }
}

/**
 * Opens the teacher of a run again.
 * @throws SelfsupError if it is not there, or has other weights
 */
export async function openTeacherAgain({ source, fingerprint }: TeacherReference): Promise<OpenedTeacher> {
  const teacher = await openTeacher(source)
  if (teacher.fingerprint === fingerprint) return teacher
  teacher.dispose()
  throw new SelfsupError(`the teacher ${source} has other weights than when the run started`, {
    code: 'run-differs',
    fix: 'restore it, or start a new run',
    path: source,
  })
}

/**
 * Computes a teacher's features of all images once, for a method that does not augment them.
 * @param onNote called from time to time with the progress
 * @throws SelfsupError if the channels of the images differ from the teacher's, or an image cannot be read
 */
export async function withFeatures(
  teacher: OpenedTeacher,
  images: ImageDataset,
  { engine, signal, onNote }: { engine: Engine; signal?: AbortSignal; onNote?: (text: string) => void },
): Promise<OpenedTeacher> {
  const [{ extractFeatures }, tf] = await Promise.all([
    import('@selfsup/evaluation'),
    import('@tensorflow/tfjs-core'),
  ])
  const { model, normalisation, resampling } = teacher
  const size = model.inputs[0]!.shape[1]!
  onNote?.(`Computing the teacher's features of ${images.length} images (once)`)
  const { values, count, width, indices } = await extractFeatures(model, images, {
    normalisation,
    size,
    resampling,
    engine,
    signal,
  })
  if (count < images.length)
    throw new SelfsupError(
      `${images.length - count} of ${images.length} images can't be read, so the teacher's features of them are missing`,
      { fix: 'remove these images, or use other views than fixed' },
    )
  const rows = new Float32Array(values.length)
  for (const [row, position] of indices.entries())
    rows.set(values.subarray(row * width, (row + 1) * width), position * width)
  // A variable: steps would capture a constant of this size.
  const features = tf.tidy(() => tf.variable(tf.tensor2d(rows, [images.length, width]), false))
  return {
    ...teacher,
    features,
    dispose() {
      features.dispose()
      teacher.dispose()
    },
  }
}
