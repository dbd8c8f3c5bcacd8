import { stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { SelfsupError } from '@selfsup/core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { bytesOf, fileInside, modelOf, readRegularFile, weightGroups } from './model-files.js'

/** Of a model.json; ResNet-50's has 200 kB. */
const MOST_TOPOLOGY = 2 ** 26
/** Of one file of weights: no more fits into one buffer everywhere. */
const MOST_WEIGHTS = 2 ** 31 - 1

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
    const { weightsManifest, ...about } = modelOf(await readRegularFile(path, MOST_TOPOLOGY))
    const groups = weightGroups(weightsManifest)
    const parts: Buffer[] = []
    for (const part of groups.flatMap(({ paths }) => paths))
      parts.push(await readRegularFile(await fileInside(folder, part), MOST_WEIGHTS))
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
