import { type Augmentation, augmentation } from '@selfsup/augment'
import { expected, ifAuto, type Normalisation } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'

/** Side and channels of a backbone's input. */
export interface InputShape {
  readonly size: number
  readonly channels: number
}

/** @throws SelfsupError if the model does not take square images, [batch, size, size, channels] */
export function inputShape(where: string, backbone: LayersModel): InputShape {
  const [, height, width, channels] = backbone.inputs[0]!.shape
  expected(
    backbone.inputs[0]!.shape.length === 4 && height === width && height && channels,
    `${where}: the backbone must take square images [batch, size, size, channels]; it takes [${backbone.inputs[0]!.shape}]`,
  )
  return { size: height, channels }
}

/** One normalised view of each image, with crops and flips only. */
export function plainView(
  { size, channels }: InputShape,
  { minScale, flip }: { readonly minScale: number; readonly flip: number | 'auto' },
  normalisation: Normalisation,
): Augmentation {
  const horizontalFlip = ifAuto(flip, channels === 1 ? 0 : 0.5)
  const ratio: readonly [number, number] = minScale < 1 ? [3 / 4, 4 / 3] : [1, 1]
  return augmentation([{ size, scale: [minScale, 1], ratio, horizontalFlip }], normalisation)
}

/** Converts normalised images [batch, height, width, channels] to pixels in 0..1. */
export function toPixels(images: tf.Tensor4D, { mean, std }: Normalisation): tf.Tensor4D {
  return tf.tidy(() => tf.add(tf.mul(images, tf.tensor1d([...std])), tf.tensor1d([...mean])))
}

/**
 * Puts images of the same batch side by side for comparison, such as inputs and reconstructions.
 * @param images each [batch, height, width, 1 or 3], clipped to 0..1; grayscale images become RGB if others are
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
