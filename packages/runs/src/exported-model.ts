import { stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import {
  type Encoder,
  expected,
  type ImageReading,
  type ImageShape,
  type Normalisation,
  type Resampling,
  readModelNotes,
  SelfsupError,
} from '@selfsup/core'
import {
  fileInside,
  parseModelFile,
  readLimited,
  readRun,
  weightBytes,
  weightGroups,
} from '@selfsup/run-folder'
import type { Tensor2D } from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { defaultNormalisation } from './default-normalisation.js'
import type { FeatureMaker } from './features.js'

/** Maximum size of model.json in bytes; ResNet-50's has 200 kB. */
const MOST_TOPOLOGY = 2 ** 26
/** Maximum size of a weights file in bytes: the largest buffer that works on every platform. */
const MOST_WEIGHTS = 2 ** 31 - 1

/** An exported model with its preprocessing. */
export interface ExportedModel {
  readonly folder: string
  readonly model: LayersModel
  readonly imageShape: ImageShape
  readonly normalisation: Normalisation
  /** how images are resized; default: the shorter side to the model's size, bilinear */
  readonly resampling?: Resampling
  /** how the values of image files became pixels; missing if the model does not contain it */
  readonly reading?: ImageReading
  /** from normalised images [batch, size, size, channels] to features [batch, features] */
  readonly encode: Encoder
  /** the part of a method that computes features */
  readonly maker: FeatureMaker
  dispose(): void
}

/**
 * Opens a TensorFlow.js layers model from its folder, with its preprocessing: from model.json, or from the run whose folder
 * contains the model, or ImageNet's statistics. Prepare an engine first.
 * @param onNote called if the preprocessing is unknown, or if the run's features need more than this model
 * @throws SelfsupError if it is not a layers model, a file is missing, or its inputs are not square images
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
      size && size === width && channels,
      `${folder}: the model must take square images [batch, size, size, channels]; got [${shape}]`,
    )
    if (readModelNotes(model).complete === false)
      onNote(
        `${folder}: the method that trained this model computes its features from more than the model's output; open the run to get them`,
      )
    const encode: Encoder = (images) => {
      const outputs = model.apply(images, { training: false }) as Tensor2D | Tensor2D[]
      return Array.isArray(outputs) ? outputs[0]! : outputs
    }
    return {
      folder,
      model,
      imageShape: { size, channels },
      normalisation: await normalisationOf(model, folder, channels, onNote),
      resampling: readModelNotes(model).preprocessing?.resampling,
      reading: readModelNotes(model).preprocessing?.reading,
      encode,
      maker: { name: 'exported model', networks: { backbone: model }, encode },
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
  const { preprocessing } = readModelNotes(model)
  if (preprocessing) return preprocessing.normalisation
  // Exported before models contained their preprocessing: read it from the run's folder.
  const run = await readRun(dirname(folder)).catch(() => undefined)
  if (run?.normalisation) return run.normalisation
  onNote(`${folder}: model.json contains no normalisation of pixels; using ImageNet's statistics`)
  return defaultNormalisation(channels)
}

/** The folder of an exported model, if `path` is one or its model.json; otherwise undefined. */
export async function exportedFolder(path: string): Promise<string | undefined> {
  if (basename(path) === 'model.json') return dirname(path)
  const found = await stat(join(path, 'model.json')).catch(() => undefined)
  return found ? path : undefined
}

/**
 * Loads a TensorFlow.js layers model from its folder: model.json and the weights that it names.
 * @throws SelfsupError if it is not a layers model or a file is missing
 */
export async function loadExported(folder: string): Promise<LayersModel> {
  const [tf, { loadLayersModel }] = await Promise.all([
    import('@tensorflow/tfjs-core'),
    import('@tensorflow/tfjs-layers'),
    import('@selfsup/backbones'), // registers its layer classes
  ])
  const path = join(folder, 'model.json')
  try {
    const { weightsManifest, ...about } = parseModelFile(await readLimited(path, MOST_TOPOLOGY))
    const groups = weightGroups(weightsManifest)
    const parts: Buffer[] = []
    for (const part of groups.flatMap(({ paths }) => paths))
      parts.push(await readLimited(await fileInside(folder, part), MOST_WEIGHTS))
    const bytes = Buffer.concat(parts)
    const needed = groups
      .flatMap(({ weights }) => weights)
      .reduce((sum, weight) => sum + weightBytes(weight), 0)
    if (bytes.length !== needed)
      throw new Error(`its weights need ${needed} bytes by their shapes; the files contain ${bytes.length}`)
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
      { code: 'damaged-file', path },
    )
  }
}
