import { type Augmentation, augmentation, grayNormalisation, imagenetNormalisation } from '@selfsup/augment'
import { expected, ifAuto, type Normalisation } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'

/** Side and channels of the images that a backbone takes. */
export interface InputShape {
  readonly size: number
  readonly channels: number
}

/** @throws SelfsupError when the model takes no images, [batch, size, size, channels] */
export function inputShape(where: string, backbone: LayersModel): InputShape {
  const [, height, width, channels] = backbone.inputs[0]!.shape
  expected(
    backbone.inputs[0]!.shape.length === 4 && height === width && height && channels,
    `${where}: the backbone must take pictures [batch, size, size, channels]; it takes [${backbone.inputs[0]!.shape}]`,
  )
  return { size: height, channels }
}

/** What pixels of so many channels are normalised with where nothing else is said. */
export function normalisationOf(channels: number, given?: Normalisation): Normalisation {
  return given ?? (channels === 1 ? grayNormalisation : imagenetNormalisation)
}

/** One view of each image: cropped and mirrored at most, normalised. */
export function plainView(
  { size, channels }: InputShape,
  { minScale, flip }: { readonly minScale: number; readonly flip: number | 'auto' },
  normalisation: Normalisation,
): Augmentation {
  const horizontalFlip = ifAuto(flip, channels === 1 ? 0 : 0.5)
  const ratio: readonly [number, number] = minScale < 1 ? [3 / 4, 4 / 3] : [1, 1]
  return augmentation([{ size, scale: [minScale, 1], ratio, horizontalFlip }], normalisation)
}

/** Normalised images, [batch, height, width, channels], as 0..1. */
export function toPixels(images: tf.Tensor4D, { mean, std }: Normalisation): tf.Tensor4D {
  return tf.tidy(() => tf.add(tf.mul(images, tf.tensor1d([...std])), tf.tensor1d([...mean])))
}

/**
 * Images of the same batch beside one another, to be compared: inputs, what was made of them.
 * @param images each [batch, height, width, 1 or 3], 0..1; what lies outside is clipped, grey becomes colour where others are
 * @returns [batch, height, sum of widths, channels]
 */
export function sideBySide(...images: readonly tf.Tensor4D[]): tf.Tensor4D {
  return tf.tidy(() => {
    const channels = Math.max(...images.map(({ shape }) => shape[3]))
    const alike = images.map((one) =>
      tf.clipByValue(one.shape[3] === channels ? one : tf.tile(one, [1, 1, 1, channels]), 0, 1),
    )
    return alike.length === 1 ? alike[0]! : tf.concat(alike, 2)
  }) as tf.Tensor4D
}
