import { type CropSpec, expected, type ImageBatch, type Normalisation } from '@selfsup/core'
import { canFuseViews, foldIn, fusedViews } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import { composeViews } from './compose-views.js'
import { imagenetNormalisation } from './normalise.js'
import type { ViewOptions } from './view-options.js'
import { drawViewParameters, groupViews, type Member, sharedSettings } from './view-parameters.js'

/** Makes views of images: random, but the same for the same seed. */
export interface Augmentation {
  /** the random crop of each view, for images that are cropped while they are decoded */
  readonly crops: readonly CropSpec[]
  readonly views: readonly ViewOptions[]
  readonly normalisation: Normalisation
  /**
   * @param batch images of one size, or their crops, 0..255
   * @param seed int32 [2], the step's
   * @returns one tensor per view, float32 [batch, size, size, channels], normalised
   */
  apply(batch: Pick<ImageBatch, 'images' | 'crops'>, seed: tf.Tensor1D): tf.Tensor4D[]
}

/** Stream of the step's seed from which views draw all but their crops, whose streams are numbered from 0. */
export const VIEWS_STREAM = 0x71e35

/**
 * An augmentation from what each view is to be. Views of one size go through every operation together, as one
 * batch, each with probabilities, strengths and widths of its own.
 * @param normalisation what the backbone expects
 * @param options.firstCrop how many crops come before among the method's: beside a first augmentation `a` of the same
 *   batch and seed, a second one takes `a.crops.length`, and the method's crops are `[...a.crops, ...b.crops]`
 * @throws SelfsupError when there is no view
 */
export function augmentation(
  views: readonly ViewOptions[],
  normalisation: Normalisation = imagenetNormalisation,
  { firstCrop = 0 }: { readonly firstCrop?: number } = {},
): Augmentation {
  expected(views.length > 0, 'augmentation: at least one view is needed')
  const crops = views.map(({ size, scale, ratio = [3 / 4, 4 / 3] }, view) => ({
    size,
    scale,
    ratio,
    stream: firstCrop + view,
  }))
  const groups = groupViews(views)
  return {
    crops,
    views,
    normalisation,
    apply: (batch, seed) =>
      tf.tidy(() => {
        const made: tf.Tensor4D[] = []
        const own = foldIn(foldIn(seed, VIEWS_STREAM), firstCrop)
        for (const [number, group] of groups.entries()) {
          const members = group.map((view) => ({ ...views[view]!, crop: crops[view]! }))
          const ofGroup = makeViews(batch, members, seed, foldIn(own, number), normalisation)
          for (const [position, view] of ofGroup.entries()) made[group[position]!] = view
        }
        return made
      }),
  }
}

/** The views of one group. */
function makeViews(
  batch: Pick<ImageBatch, 'images' | 'crops'>,
  members: readonly Member[],
  seed: tf.Tensor1D,
  own: tf.Tensor1D,
  normalisation: Normalisation,
): tf.Tensor4D[] {
  const { images } = batch
  const sources = members.map(({ crop }) => {
    const source = images ?? batch.crops?.[crop.stream]
    expected(
      source,
      `augmentation: the batch holds neither images nor crop ${crop.stream}; a method asks for it by its crops`,
    )
    return source
  })
  const channels = sources[0]!.shape[3]
  expected(
    channels === normalisation.mean.length,
    `augmentation: the pictures have ${channels} channels, the normalisation ${normalisation.mean.length}`,
  )
  const parameters = drawViewParameters(batch, members, seed, own)
  const settings = { size: members[0]!.size, normalisation, ...sharedSettings(members) }
  if (canFuseViews()) return fusedViews(sources, parameters, settings)
  const composed = composeViews(images ?? tf.concat(sources, 0), parameters, settings)
  return tf.split(composed, members.length, 0) as tf.Tensor4D[]
}
