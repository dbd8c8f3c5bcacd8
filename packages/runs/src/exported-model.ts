import { stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import {
  type Encoder,
  expected,
  type ImageShape,
  type Normalisation,
  notesOfModel,
  SelfsupError,
} from '@selfsup/core'
import { readRun, readWhole } from '@selfsup/run-folder'
import type { Tensor2D } from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { defaultNormalisation } from './make-method.js'
import { bytesOf, fileInside, modelOf, weightGroups } from './model-files.js'

/** Most bytes of a model.json; ResNet-50's has 200 kB. */
const MOST_TOPOLOGY = 2 ** 26
/** Most bytes of one file of weights: no more fits into one buffer everywhere. */
const MOST_WEIGHTS = 2 ** 31 - 1

/** An exported model with what it expects of images. */
export interface ExportedModel {
  readonly folder: string
  readonly model: LayersModel
  readonly imageShape: ImageShape
  readonly normalisation: Normalisation
  /** from normalised images [batch, size, size, channels] to features [batch, features] */
  readonly encode: Encoder
  dispose(): void
}

/**
 * Opens a TensorFlow.js layers model from its folder, with its preprocessing: that noted in model.json, or else that of the run
 * in whose folder it lies, or else ImageNet's statistics. An engine must be prepared.
 * @param onNote told when the preprocessing is not known, or the model is only a part of what makes a run's features
 * @throws SelfsupError when it is no layers model, a file is missing, or it takes no square images
 */
export async function openExportedModel(
  folder: string,
  onNote: (text: string) => void = () => {},
): Promise<ExportedModel> {
  const model = await loadExported(folder)
  const { shape } = model.inputs[0]!
  const [, size, width, channels] = shape
  try {
    expected(
      size && size === width && (channels === 1 || channels === 3),
      `${folder}: its model must take square images [batch, size, size, 1 or 3]; it takes [${shape}]`,
    )
    if (notesOfModel(model).complete === false)
      onNote(
        `${folder}: the features of the method that trained this model are more than the model's output; open the run for them`,
      )
    return {
      folder,
      model,
      imageShape: { size, channels },
      normalisation: await normalisationOf(model, folder, channels, onNote),
      encode(images) {
        const outputs = model.apply(images, { training: false }) as Tensor2D | Tensor2D[]
        return Array.isArray(outputs) ? outputs[0]! : outputs
      },
      dispose: () => model.dispose(),
    }
  } catch (error) {
    model.dispose()
    throw error
  }
}

async function normalisationOf(
  model: LayersModel,
  folder: string,
  channels: number,
  onNote: (text: string) => void,
): Promise<Normalisation> {
  const { preprocessing } = notesOfModel(model)
  if (preprocessing) return preprocessing.normalisation
  // Exported before models carried their preprocessing: the run beside it knows.
  const run = await readRun(dirname(folder)).catch(() => undefined)
  if (run?.normalisation) return run.normalisation
  onNote(`${folder}: model.json does not say how pixels are normalised; ImageNet's statistics are taken`)
  return defaultNormalisation(channels)
}

/** The folder of an exported model when that, or its model.json, is what was named. */
export async function exportedFolder(path: string): Promise<string | undefined> {
  if (basename(path) === 'model.json') return dirname(path)
  const found = await stat(join(path, 'model.json')).catch(() => undefined)
  return found ? path : undefined
}

/**
 * A TensorFlow.js layers model from its folder: model.json and the weights that it names.
 * @throws SelfsupError when it is no layers model or a file is missing
 */
export async function loadExported(folder: string): Promise<LayersModel> {
  const [tf, { loadLayersModel }] = await Promise.all([
    import('@tensorflow/tfjs-core'),
    import('@tensorflow/tfjs-layers'),
    import('@selfsup/backbones'), // its layers are known by name from here on
  ])
  const path = join(folder, 'model.json')
  try {
    const { weightsManifest, ...about } = modelOf(await readWhole(path, MOST_TOPOLOGY))
    const groups = weightGroups(weightsManifest)
    const parts: Buffer[] = []
    for (const part of groups.flatMap(({ paths }) => paths))
      parts.push(await readWhole(await fileInside(folder, part), MOST_WEIGHTS))
    const bytes = Buffer.concat(parts)
    const needed = groups.flatMap(({ weights }) => weights).reduce((sum, weight) => sum + bytesOf(weight), 0)
    if (bytes.length !== needed)
      throw new Error(`its weights need ${needed} bytes by their shapes; the files hold ${bytes.length}`)
    return await loadLayersModel(
      tf.io.fromMemory({
        ...about,
        weightSpecs: groups.flatMap(({ weights }) => weights),
        weightData: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer,
      }),
    )
  } catch (error) {
    throw new SelfsupError(
      `${path} can't be opened as a TensorFlow.js layers model: ${(error as Error).message}`,
    )
  }
}
