import { type CropSpec, expected, type ImageBatch, type Normalisation } from '@selfsup/core'
import { canFuseViews, foldIn, fusedViews } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import { composeViews } from './compose-views.js'
import { imagenetNormalisation } from './normalise.js'
import type { ViewOptions } from './view-options.js'
import { drawViewParameters, groupViews, type Member, sharedSettings } from './view-parameters.js'

/** Creates random views of images. The same seed gives the same views. */
export interface Augmentation {
  /** random crop of each view, for datasets that crop images while decoding */
  readonly crops: readonly CropSpec[]
  readonly views: readonly ViewOptions[]
  readonly normalisation: Normalisation
  /**
   * @param batch images of one size, or their crops, 0..255
   * @param seed int32 [2], seed of the step
   * @returns one tensor per view, float32 [batch, size, size, channels], normalised
   */
  apply(batch: Pick<ImageBatch, 'images' | 'crops'>, seed: tf.Tensor1D): tf.Tensor4D[]
}

/** Random stream of all operations except crops, whose streams are numbered from 0. */
export const VIEWS_STREAM = 0x71e35

/**
 * Creates an augmentation from the options of each view. Views of one size are computed together as one batch, each with
 * its own probabilities, strengths and blur widths.
 * @param normalisation normalisation that the backbone expects
 * @param options.firstCrop index of the first crop; default 0. To use a second augmentation `b` with the same batch and
 *   seed as a first one `a`, set it to `a.crops.length`; the method's crops are then `[...a.crops, ...b.crops]`
 * @throws SelfsupError when `views` is empty
 */
export function augmentation(
  views: readonly ViewOptions[],
  normalisation: Normalisation = imagenetNormalisation,
  { firstCrop = 0 }: { readonly firstCrop?: number } = {},
): Augmentation {
  expected(views.length > 0, 'augmentation: views must contain at least one view; got none')
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

/** Creates the views of one group. */
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
      `augmentation: the batch must contain images or crop ${crop.stream}; got neither; add the augmentation's crops to those of the method`,
    )
    return source
  })
  const channels = sources[0]!.shape[3]
  expected(
    channels === normalisation.mean.length,
    `augmentation: the images have ${channels} channels, the normalisation ${normalisation.mean.length}; pass a normalisation for ${channels} channels`,
  )
  const parameters = drawViewParameters(batch, members, seed, own)
  const settings = { size: members[0]!.size, normalisation, ...sharedSettings(members) }
  if (canFuseViews(channels)) return fusedViews(sources, parameters, settings)
  const composed = composeViews(images ?? tf.concat(sources, 0), parameters, settings)
  return tf.split(composed, members.length, 0) as tf.Tensor4D[]
}
