import { encoderOf, expected, type ImageDataset, type Method } from '@selfsup/core'
import type { Engine } from '@selfsup/engine'

/** Number of images from which the score is computed; the effective rank is at most this. */
const IMAGES = 2048

/**
 * Creates the score by which runs stop early: RankMe, the effective rank of the features of up to 2,048 training images (Garrido
 * et al. 2023, arXiv:2210.02885). It needs no labels.
 * @throws SelfsupError if the method has no normalisation or its images no fixed size
 */
export function scoreOf(
  method: Method,
  images: ImageDataset,
  engine: Engine,
  signal?: AbortSignal,
): () => Promise<number> {
  const { normalisation, imageShape, networks } = method
  const size = imageShape?.size ?? networks.backbone.inputs[0]!.shape[1]
  expected(
    normalisation && size,
    `${method.name}: stopping early needs a method of images of one size, with a normalisation`,
  )
  return async () => {
    const { effectiveRank, extractFeatures } = await import('@selfsup/evaluation')
    const settings = { normalisation, size, engine, limit: IMAGES, signal }
    return effectiveRank(await extractFeatures(encoderOf(method), images, settings))
  }
}
