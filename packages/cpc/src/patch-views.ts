import { type Augmentation, augmentation, type ViewOptions } from '@selfsup/augment'
import type { CropSpec, ImageBatch, Normalisation } from '@selfsup/core'
import { foldIn, randomUniform } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import { cutPatches, type PatchGrid } from './patches.js'

export interface PatchViewOptions {
  readonly grid: PatchGrid
  readonly normalisation: Normalisation
  /** smallest area of the random crop of the whole image, as a fraction of the image */
  readonly minScale: number
  /** probability of converting an image to grey */
  readonly grayscale: number
  /** whether each patch is also cropped, jittered and turned grey independently, and may lose two of its colour channels */
  readonly patchAugmentation: boolean
}

/** Random stream for dropping colour channels. */
const DROPPED = 0xd409

/** Fraction of the patches that keep a single colour channel. */
const DROP_PROBABILITY = 0.25

/**
 * Creates the views: patches of randomly cropped, flipped and greyed images (van den Oord et al. 2018, arXiv:1807.03748,
 * section 3.2). With `patchAugmentation` each patch is also augmented independently, so that the network cannot match
 * patches by their colours alone (Hénaff et al. 2019, arXiv:1905.09272, section 3).
 * @returns the crop of the whole image, and a function that returns the patches of a batch, float32
 *   [batch * grid * grid, patch, patch, channels], normalised
 */
export function patchViews({
  grid,
  normalisation,
  minScale,
  grayscale,
  patchAugmentation,
}: PatchViewOptions): {
  readonly crops: readonly CropSpec[]
  apply(batch: ImageBatch, seed: tf.Tensor1D): tf.Tensor4D
} {
  const colour = normalisation.mean.length === 3
  const whole: ViewOptions = {
    size: grid.size,
    scale: [minScale, 1],
    horizontalFlip: colour ? 0.5 : 0,
    grayscale,
  }
  if (!patchAugmentation) {
    const { crops, apply } = augmentation([whole], normalisation)
    return { crops, apply: (batch, seed) => tf.tidy(() => cutPatches(apply(batch, seed)[0]!, grid)) }
  }
  const pixels = augmentation([whole], {
    mean: normalisation.mean.map(() => 0),
    std: normalisation.std.map(() => 1 / 255),
  })
  const ofPatch = augmentation([patchView(grid.patch)], normalisation, { firstCrop: 1 })
  return {
    crops: pixels.crops,
    apply: (batch, seed) =>
      tf.tidy(() => {
        const images = tf.cast(tf.round(pixels.apply(batch, seed)[0]!), 'int32')
        const patches = augment(ofPatch, cutPatches(images as tf.Tensor4D, grid), seed)
        return colour ? dropColours(patches, foldIn(seed, DROPPED)) : patches
      }),
  }
}

function patchView(size: number): ViewOptions {
  const jitter = { probability: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 }
  return { size, scale: [0.6, 1], jitter, grayscale: 0.25 }
}

function augment({ apply }: Augmentation, images: tf.Tensor4D, seed: tf.Tensor1D): tf.Tensor4D {
  return apply({ images }, seed)[0]!
}

/** Keeps one colour channel in a fraction of the patches and sets the other channels to their mean, 0. */
function dropColours(patches: tf.Tensor4D, seed: tf.Tensor1D): tf.Tensor4D {
  const count = patches.shape[0]
  const drawn = randomUniform<tf.Rank.R4>([count, 1, 1, 1], seed)
  // Draws below DROP_PROBABILITY are divided equally among the three channels to keep.
  const kept = tf.floor(tf.mul(drawn, 3 / DROP_PROBABILITY))
  const mask = tf.logicalOr(tf.equal(kept, tf.range(0, 3)), tf.greaterEqual(kept, 3))
  return tf.mul(patches, tf.cast(mask, 'float32'))
}
