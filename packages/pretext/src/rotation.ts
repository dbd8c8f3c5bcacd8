import { augmentation, normalisationOf } from '@selfsup/augment'
import { projector } from '@selfsup/backbones'
import { ifAuto, type MethodContext, type MethodDefinition, resolveOptions } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { classification, type Pretext } from './classification.js'
import { options, type RotationOptions, training } from './rotation-options.js'
import { atRest, inTraining, trunkShape } from './trunk.js'

/** Rotated images [4 * batch, size, size, channels], and the number of quarter turns of each. */
export type RotationViews = { readonly images: tf.Tensor4D; readonly labels: tf.Tensor1D }

/** Number of rotations by multiples of 90 degrees. */
const TURNS = 4

/**
 * Rotation prediction (Gidaris et al. 2018, arXiv:1803.07728): rotates each image of the batch by 0, 90, 180 and 270
 * degrees (section 3.1: all four in one batch); a classifier predicts the rotation. The task teaches nothing on images
 * without an upright orientation (sky, cells, textures).
 *
 * @param backbone the encoder: [batch, size, size, channels], normalised, to [batch, features]
 * @param given options; defaults are the paper's
 * @param context normalisation of the pixels, seed of the classifier's weights
 * @returns the method; its metric is `accuracy` (chance: 1/4)
 * @throws SelfsupError if an option is unknown or out of range, or the backbone does not take square images
 */
export function rotation(
  backbone: LayersModel,
  given: RotationOptions = {},
  { seed = 1, ...context }: MethodContext = {},
): Pretext<RotationViews> {
  const options = resolveOptions(rotationDefinition, given)
  const { minScale, flip, hidden } = options
  const { size, channels, features } = trunkShape('rotation', backbone)
  const normalisation = normalisationOf(channels, context.normalisation)
  const view = { size, scale: [minScale, 1], horizontalFlip: ifAuto(flip, channels === 1 ? 0 : 0.5) } as const
  const { crops, apply } = augmentation([view], normalisation)
  const classifier = projector({
    inputs: features,
    hidden,
    outputs: TURNS,
    layers: hidden === 0 ? 1 : 2,
    seed: seed + 1,
  })
  return {
    name: 'rotation',
    options,
    definition: rotationDefinition,
    answers: TURNS,
    networks: { backbone, classifier },
    state: {},
    normalisation,
    crops,
    views: (batch, { seed }) => tf.tidy(() => fourTurns(apply(batch, seed)[0]!)),
    loss({ images, labels }) {
      const h = inTraining(backbone, images)
      const { loss, accuracy } = classification(inTraining(classifier, h), labels)
      return { loss, metrics: { accuracy }, features: h }
    },
    solve: ({ images }) => tf.tidy(() => atRest(classifier, atRest(backbone, images))),
    dispose: () => classifier.dispose(),
  }
}

/**
 * Rotates each image counter-clockwise by 0, 1, 2 and 3 quarter turns.
 * @param images [batch, size, size, channels]
 * @returns images [4 * batch, size, size, channels], sorted by rotation, and the number of quarter turns of each
 */
export function fourTurns(images: tf.Tensor4D): RotationViews {
  return tf.tidy(() => {
    const across = tf.transpose(images, [0, 2, 1, 3])
    const turned = [images, tf.reverse(across, 1), tf.reverse(images, [1, 2]), tf.reverse(across, 2)]
    const quarters = tf.tile(tf.reshape(tf.range(0, TURNS, 1, 'int32'), [TURNS, 1]), [1, images.shape[0]])
    return {
      images: tf.concat(turned) as tf.Tensor4D,
      labels: tf.reshape(quarters, [-1]) as tf.Tensor1D,
    }
  })
}

/** Definition of rotation prediction. */
export const rotationDefinition: MethodDefinition<typeof options> = {
  name: 'rotation',
  summary: 'predicts by which multiple of 90° an image was rotated',
  paper: 'Gidaris et al. 2018, arXiv:1803.07728',
  options,
  training: () => training,
  create: rotation,
}
