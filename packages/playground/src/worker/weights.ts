import { loadPretrainedFile, type PretrainedBackbone } from '@selfsup/pretrained'
import { readStored, runStorage } from '@selfsup/run-folder'
import type { Weights } from '../messages.js'

/** Where the file of weights is kept. */
const PATH = 'playground-weights/file'

/** Sides of the network's input in pixels: the first that fits its patches is taken. */
const SIZES = [64, 56]

/**
 * Checks a file of weights, and keeps it.
 * @throws SelfsupError if no network is recognised in it
 */
export async function keepWeights(file: File): Promise<Weights> {
  const { model } = await backboneOf(file)
  const millions = (model.countParams() / 1e6).toFixed(1)
  const about = `${model.name}, ${millions} million weights`
  model.dispose()
  await runStorage.write(PATH, [new Uint8Array(await file.arrayBuffer())])
  return { name: file.name, about }
}

/** The backbone of the file that is kept. */
export async function keptBackbone(name: string): Promise<PretrainedBackbone> {
  return backboneOf(new File([await readStored(runStorage, PATH)], name))
}

async function backboneOf(file: File): Promise<PretrainedBackbone> {
  let first: unknown
  for (const size of SIZES) {
    try {
      return await loadPretrainedFile(file, { size })
    } catch (error) {
      first ??= error
    }
  }
  throw first
}
