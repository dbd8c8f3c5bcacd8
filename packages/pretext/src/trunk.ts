import { resizedCrop } from '@selfsup/augment'
import { type Encoder, expected } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'

/** Side and channels of a backbone's input, and its number of features. */
export interface TrunkShape {
  readonly size: number
  readonly channels: number
  readonly features: number
}

/** @throws SelfsupError if the backbone does not take square images, or does not return a vector of features */
export function trunkShape(method: string, backbone: LayersModel): TrunkShape {
  const [input, output] = [backbone.inputs[0]!.shape, backbone.outputs[0]!.shape]
  const [, height, width, channels] = input
  expected(
    input.length === 4 && height && height === width && channels,
    `${method}: the backbone must take square images [batch, size, size, channels]; it takes [${input}]`,
  )
  const features = output.at(-1)
  expected(
    output.length === 2 && features,
    `${method}: the backbone must return [batch, features]; it returns [${output}]`,
  )
  return { size: height, channels, features }
}

/** Forward pass in training mode: batch normalisation uses the statistics of the batch. */
export function inTraining(model: LayersModel, x: tf.Tensor): tf.Tensor2D {
  return model.apply(x, { training: true }) as tf.Tensor2D
}

/** Forward pass in inference mode: batch normalisation uses its moving averages. */
export function atRest(model: LayersModel, x: tf.Tensor): tf.Tensor2D {
  return model.apply(x, { training: false }) as tf.Tensor2D
}

/**
 * Returns an encoder of whole images for a backbone that was trained on patches. Convolutional backbones with global average
 * pooling accept any size, so they encode the whole image. Backbones with a fixed size (vision transformers) encode a grid
 * of patches that covers the image; the features are the mean.
 * @param trunk takes [batch, patch, patch, channels]
 * @param size side of the whole images
 */
export function ofWholeImages(trunk: LayersModel, size: number): Encoder {
  const [, patch, , channels] = trunk.inputs[0]!.shape as [null, number, number, number]
  if (takes(trunk, size, channels)) return (images) => atRest(trunk, images)
  const rows = Math.ceil(size / patch)
  const starts = Array.from({ length: rows }, (_, row) =>
    Math.round((row * (size - patch)) / Math.max(1, rows - 1)),
  )
  return (images) =>
    tf.tidy(() => {
      const batch = images.shape[0]
      const places = starts.flatMap((top) => starts.map((left) => [top, left] as const))
      const each = (values: number[]) =>
        tf.reshape(tf.tile(tf.tensor2d(values, [values.length, 1]), [1, batch]), [-1]) as tf.Tensor1D
      const side = tf.fill([places.length * batch], patch) as tf.Tensor1D
      const box = {
        top: each(places.map(([top]) => top)),
        left: each(places.map(([, left]) => left)),
        height: side,
        width: side,
      }
      const features = atRest(trunk, resizedCrop(images, box, patch))
      return tf.mean(tf.reshape(features, [places.length, batch, -1]), 0) as tf.Tensor2D
    })
}

function takes(model: LayersModel, size: number, channels: number): boolean {
  try {
    return tf.tidy(() => atRest(model, tf.zeros([1, size, size, channels])).shape.length === 2)
  } catch {
    return false
  }
}
