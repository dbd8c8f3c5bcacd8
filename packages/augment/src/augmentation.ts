import { type CropSpec, expected, type ImageBatch, type Normalisation } from '@selfsup/core'
import { canFuseViews, fusedViews } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import { composeViews } from './compose-views.js'
import { imagenetNormalisation } from './normalise.js'
import type { ViewOptions } from './view-options.js'
import { drawViewParameters, type Member, sharedSettings } from './view-parameters.js'

/** Makes views of pictures: random, but the same for the same seed. */
export interface Augmentation {
  /** the random crop of each view, for pictures that are cropped while they are decoded */
  readonly crops: readonly CropSpec[]
  readonly views: readonly ViewOptions[]
  readonly normalisation: Normalisation
  /**
   * @param batch pictures of one size, or their crops, 0..255
   * @param seed int32 [2], the step's
   * @returns one tensor per view, float32 [batch, size, size, channels], normalised
   */
  apply(batch: Pick<ImageBatch, 'images' | 'crops'>, seed: tf.Tensor1D): tf.Tensor4D[]
}

/**
 * An augmentation from what each view is to be. Views of one size go through every operation together, as one
 * batch, with probabilities of their own.
 * @param normalisation what the backbone expects
 * @throws SelfsupError when there is no view
 */
export function augmentation(
  views: readonly ViewOptions[],
  normalisation: Normalisation = imagenetNormalisation,
): Augmentation {
  expected(views.length > 0, 'augmentation: at least one view is needed')
  const crops = views.map(({ size, scale, ratio = [3 / 4, 4 / 3] }, stream) => ({
    size,
    scale,
    ratio,
    stream,
  }))
  const groups = [...new Set(views.map(({ size }) => size))].map((size) =>
    [...views.keys()].filter((view) => views[view]!.size === size),
  )
  return {
    crops,
    views,
    normalisation,
    apply: (batch, seed) =>
      tf.tidy(() => {
        const made: tf.Tensor4D[] = []
        for (const [number, group] of groups.entries()) {
          const members = group.map((view) => ({ ...views[view]!, crop: crops[view]!, number: view }))
          for (const [position, view] of makeViews(
            batch,
            members,
            seed,
            1000 * number,
            normalisation,
          ).entries())
            made[group[position]!] = view
        }
        return made
      }),
  }
}

/** The views of one size. */
function makeViews(
  batch: Pick<ImageBatch, 'images' | 'crops'>,
  members: readonly Member[],
  seed: tf.Tensor1D,
  offset: number,
  normalisation: Normalisation,
): tf.Tensor4D[] {
  const { images, crops } = batch
  const [count, , , channels] = images?.shape ?? crops?.[0]?.shape ?? []
  expected(count !== undefined, 'augmentation: the batch holds neither images nor crops')
  expected(
    channels === normalisation.mean.length,
    `augmentation: the pictures have ${channels} channels, the normalisation ${normalisation.mean.length}`,
  )
  const parameters = drawViewParameters(batch, members, seed, offset)
  const settings = { size: members[0]!.size, normalisation, ...sharedSettings(members) }
  const sources = members.map(({ number }) => images ?? crops![number]!)
  if (canFuseViews()) return fusedViews(sources, parameters, settings)
  const composed = composeViews(images ?? tf.concat(sources, 0), parameters, settings)
  return tf.split(composed, members.length, 0) as tf.Tensor4D[]
}
