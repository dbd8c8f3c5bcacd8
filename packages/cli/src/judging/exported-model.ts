import { readFile, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { SelfsupError } from '@selfsup/core'
import type { LayersModel } from '@tensorflow/tfjs-layers'

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
    const { weightsManifest, ...about } = JSON.parse(await readFile(path, 'utf8'))
    const groups: { paths: string[]; weights: object[] }[] = weightsManifest
    const parts = await Promise.all(
      groups.flatMap(({ paths }) => paths.map((part) => readFile(join(folder, part)))),
    )
    const bytes = Buffer.concat(parts)
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
