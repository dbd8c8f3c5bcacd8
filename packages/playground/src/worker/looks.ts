import type { ImageDataset, Normalisation } from '@selfsup/core'
import { extractFeatures, type Features } from '@selfsup/evaluation'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { type Look, NEIGHBOURS } from '../messages.js'

/** Images whose neighbours and places on the map are followed. */
const WATCHED = 400

/** Positions of the watched images, evenly spaced over the dataset. */
export function watchedImages(count: number): Uint32Array {
  const watched = Math.min(WATCHED, count)
  return Uint32Array.from({ length: watched }, (_, i) => Math.floor((i * count) / watched))
}

/** Computes the features of the watched images, and the nearest neighbours of each. */
export async function lookAt(
  backbone: LayersModel,
  dataset: ImageDataset,
  positions: Uint32Array,
  {
    step,
    size,
    normalisation,
  }: { readonly step: number; readonly size: number; readonly normalisation: Normalisation },
): Promise<{ readonly look: Look; readonly features: Features }> {
  const features = await extractFeatures(backbone, dataset, { size, normalisation, positions, batchSize: 64 })
  const { values, count, width, labels } = features
  const most = Math.min(NEIGHBOURS + 1, count)
  const nearest = tf.tidy(() => {
    const rows = tf.tensor2d(values, [count, width])
    const unit = tf.div(rows, tf.maximum(tf.norm(rows, 2, 1, true), 1e-12)) as tf.Tensor2D
    return tf.topk(tf.matMul(unit, unit, false, true), most).indices
  })
  const found = await nearest.data()
  nearest.dispose()
  const neighbours: number[] = []
  let [same, pairs] = [0, 0]
  for (let row = 0; row < count; row++) {
    const others = [...found.subarray(row * most, (row + 1) * most)].filter((other) => other !== row)
    for (const other of others.slice(0, NEIGHBOURS)) {
      neighbours.push(positions[other]!)
      if (labels[row]! < 0) continue
      pairs++
      if (labels[row] === labels[other]) same++
    }
  }
  return { look: { step, neighbours, ...(pairs > 0 && { sameKind: same / pairs }) }, features }
}
