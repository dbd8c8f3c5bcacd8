import { join } from 'node:path'
import {
  addModelNotes,
  type BackboneInput,
  expected,
  namedWeights,
  type Preprocessing,
  readModelNotes,
} from '@selfsup/core'
import { readText } from '@selfsup/run-folder'
import type { Variable } from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { exportedFolder, loadExported } from './exported-model.js'
import { digest } from './features.js'

/** Whether `backbone` names weights to start from: a pretrained model, or the folder of an exported one. */
export async function isPretrainedBackbone(backbone: string): Promise<boolean> {
  const { backbones } = await import('@selfsup/backbones')
  if (backbones.some(({ name }) => name === backbone)) return false
  if (await exportedFolder(backbone)) return true
  return (await import('@selfsup/pretrained')).isPretrained(backbone)
}

/**
 * The preprocessing that a backbone with pretrained weights expects. Downloads the model if necessary; needs no engine.
 * @param backbone as for `--backbone`
 * @param onNote called before a download
 * @returns undefined for a backbone without pretrained weights, and for an exported model that does not contain its preprocessing
 */
export async function pretrainedInput(
  backbone: string,
  onNote?: (text: string) => void,
): Promise<Preprocessing | undefined> {
  if (!(await isPretrainedBackbone(backbone))) return undefined
  const exported = await exportedFolder(backbone)
  if (exported) return notesOfFolder(exported)
  const { describePretrained, findPretrained } = await import('@selfsup/pretrained')
  return (await describePretrained(await findPretrained(backbone, { onNote }))).preprocessing
}

/**
 * Creates a backbone with pretrained weights.
 * @param input shape of the images. For another number of channels than the model's 3, its first kernel is adapted
 * @throws SelfsupError if the weights don't fit
 */
export async function pretrainedBackbone(backbone: string, input: BackboneInput): Promise<LayersModel> {
  const exported = await exportedFolder(backbone)
  return exported ? fromExported(exported, input) : fromPretrained(backbone, input)
}

async function fromPretrained(backbone: string, { size, channels }: BackboneInput): Promise<LayersModel> {
  const { findPretrained, loadPretrained } = await import('@selfsup/pretrained')
  return (await loadPretrained(await findPretrained(backbone), { size, channels })).model
}

/** The backbone of an exported model with its layers as they train, and its weights. */
async function fromExported(folder: string, { size, channels }: BackboneInput): Promise<LayersModel> {
  const [{ backboneFromRecipe }, { adaptInputKernel }, tf] = await Promise.all([
    import('@selfsup/backbones'),
    import('@selfsup/pretrained'),
    import('@tensorflow/tfjs-core'),
  ])
  const stored = await loadExported(folder)
  try {
    const { recipe } = readModelNotes(stored)
    expected(
      recipe,
      `${folder}: the model was not made by @selfsup/backbones, so it cannot be trained further`,
    )
    const [, own, , ownChannels] = stored.inputs[0]!.shape
    expected(own === size, `${folder} takes images of ${own} pixels; got images of ${size} pixels`, {
      fix: `set the size to ${own}`,
    })
    expected(
      ownChannels === channels || ownChannels === 3,
      `${folder} takes images of ${ownChannels} ${ownChannels === 1 ? 'channel' : 'channels'}; got images of ${channels} channels`,
      { fix: 'use a model for images of 3 channels, which can be adapted to any number' },
    )
    const model = backboneFromRecipe(recipe, { channels })
    const values = namedWeights({ backbone: stored })
    for (const [name, weight] of namedWeights({ backbone: model })) {
      const value = values.get(name)?.read()
      expected(value, `${folder}: weight ${name} is missing`, { code: 'damaged-file', path: folder })
      const variable = weight.read() as Variable
      if (value!.shape.join() === variable.shape.join()) variable.assign(value!)
      else {
        // Only the first kernel depends on the channels: [height, width, channels, filters].
        const [height, width, , filters] = variable.shape as [number, number, number, number]
        const kernel = tf.tidy(() => tf.transpose(value!, [3, 2, 0, 1]).dataSync<'float32'>())
        const adapted = adaptInputKernel(kernel, [filters, 3, height, width], channels)
        tf.tidy(() =>
          variable.assign(
            tf.transpose(tf.tensor4d(adapted, [filters, channels, height, width]), [2, 3, 1, 0]),
          ),
        )
      }
    }
    const sha256 = await digest({ name: 'backbone', networks: { backbone: model } })
    return addModelNotes(model, { pretrained: { source: folder, file: 'model.json', sha256 } })
  } finally {
    stored.dispose()
  }
}

async function notesOfFolder(folder: string): Promise<Preprocessing | undefined> {
  const text = await readText(join(folder, 'model.json'), 2 ** 26)
  try {
    return JSON.parse(text)?.userDefinedMetadata?.selfsup?.preprocessing
  } catch {
    return undefined
  }
}
