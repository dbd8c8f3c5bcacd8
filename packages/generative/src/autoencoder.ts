import { normalise } from '@selfsup/augment'
import {
  type Method,
  type MethodContext,
  type MethodDefinition,
  type OptionValues,
  resolveOptions,
} from '@selfsup/core'
import { foldIn } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import {
  type AutoencoderOptions,
  autoencoderOptions,
  type DenoisingOptions,
  denoisingOptions,
  training,
} from './autoencoder-options.js'
import { type Corruption, corrupt } from './corruption.js'
import { encoderDecoder } from './encoder-decoder.js'
import { inputShape, normalisationOf, plainView, sideBySide, toPixels } from './pixels.js'

/** What goes into the networks, and what is to come out: both normalised, [batch, size, size, channels]. */
export interface Reconstruction extends tf.NamedTensorMap {
  readonly input: tf.Tensor4D
  readonly target: tf.Tensor4D
}

export interface Autoencoder extends Method<Reconstruction> {
  /** Pixels, 0..1, of what is made of images, normalised (and spoiled), once training is over. */
  reconstruct(input: tf.Tensor4D): tf.Tensor4D
}

/**
 * Autoencoder: a image is to be made again from a few numbers, its code (Hinton & Salakhutdinov 2006, Reducing the
 * dimensionality of data with neural networks, Science 313).
 *
 * @param backbone the encoder: [batch, size, size, channels], normalised, to [batch, features]; of a convolutional one the
 *   code takes every place of the last map, and not its mean alone
 * @param given size of the code, loss, decoder
 * @param context normalisation of the pixels, seed of the other networks' weights
 * @returns what the training loop drives; reports `error`, the mean squared error of pixels of 0..1
 * @throws SelfsupError when an option is unknown or out of range
 */
export function autoencoder(
  backbone: LayersModel,
  given: AutoencoderOptions = {},
  context: MethodContext = {},
): Autoencoder {
  const options = resolveOptions(definition, given)
  return reconstructing('autoencoder', backbone, options, context)
}

/**
 * Denoising autoencoder: a image is to be made from a spoiled copy of itself, so that the code has to know what images
 * are like (Vincent et al. 2010, Stacked denoising autoencoders, JMLR 11; here all layers are trained at once).
 *
 * @param given kind and level of the corruption, and the autoencoder's
 * @returns what the training loop drives; reports `error`, and `inputError` of the spoiled copy itself
 * @throws SelfsupError when an option is unknown or out of range
 */
export function denoising(
  backbone: LayersModel,
  given: DenoisingOptions = {},
  context: MethodContext = {},
): Autoencoder {
  const options = resolveOptions(denoisingDefinition, given)
  const spoil = (pixels: tf.Tensor4D, seed: tf.Tensor1D) =>
    corrupt(pixels, options.corruption as Corruption, options.level, foldIn(seed, 0xde01))
  return reconstructing('denoising', backbone, options, context, spoil)
}

function reconstructing(
  name: string,
  backbone: LayersModel,
  options: OptionValues<typeof autoencoderOptions>,
  { seed = 1, ...context }: MethodContext,
  spoil?: (pixels: tf.Tensor4D, seed: tf.Tensor1D) => tf.Tensor4D,
): Autoencoder {
  const shape = inputShape(name, backbone)
  const normalisation = normalisationOf(shape.channels, context.normalisation)
  const view = plainView(shape, options, normalisation)
  const parts = encoderDecoder(backbone, { ...options, ...shape, seed })
  const pixels = (images: tf.Tensor4D) => toPixels(images, normalisation)
  const binary = options.loss === 'cross-entropy'
  /** What the decoder's numbers mean, 0..1. */
  const meant = (made: tf.Tensor4D) => (binary ? (tf.sigmoid(made) as tf.Tensor4D) : pixels(made))
  const error = (a: tf.Tensor4D, b: tf.Tensor4D) => tf.mean(tf.squaredDifference(a, b)) as tf.Scalar
  const reconstruct = (input: tf.Tensor4D) => meant(parts.decode(parts.encode(input, false).code, false))
  return {
    name,
    options,
    definition: spoil ? denoisingDefinition : definition,
    normalisation,
    networks: { backbone, ...parts.networks },
    state: {},
    crops: view.crops,
    views(batch, { seed }) {
      const [target] = view.apply(batch, seed) as [tf.Tensor4D]
      return { target, input: spoil ? normalise(spoil(pixels(target), seed), normalisation) : target }
    },
    loss({ input, target }) {
      const { features, code } = parts.encode(input, true)
      const made = parts.decode(code, true)
      const wanted = pixels(target)
      return {
        loss: binary ? crossEntropy(made, wanted) : error(made, target),
        features,
        metrics: {
          error: error(meant(made), wanted),
          ...(spoil && { inputError: error(pixels(input), wanted) }),
        },
      }
    },
    reconstruct: (input) => tf.tidy(() => reconstruct(input)),
    samples({ input, target }) {
      const made = reconstruct(input)
      const given = [pixels(target), ...(spoil ? [pixels(input)] : [])]
      return { [spoil ? 'denoised' : 'reconstructions']: sideBySide(...given, made) }
    },
    ...(options.features === 'code' && {
      encode: (images) => tf.tidy(() => parts.encode(images, false).code),
    }),
    dispose: parts.dispose,
  }
}

/**
 * Cross-entropy between the pixels, as probabilities of white, and those that logits stand for; mean over all values. With
 * pixels between 0 and 1 it does not reach 0: the logits' sigmoid is best at the pixel itself.
 */
export function crossEntropy(logits: tf.Tensor, pixels: tf.Tensor): tf.Scalar {
  // -p log s(x) - (1 - p) log(1 - s(x)), without a logarithm that could meet 0.
  return tf.mean(tf.sub(tf.softplus(logits), tf.mul(logits, pixels))) as tf.Scalar
}

/** How a program finds the autoencoder by name. */
export const definition: MethodDefinition<typeof autoencoderOptions> = {
  name: 'autoencoder',
  summary: 'a picture is made again from a short code',
  paper: 'Hinton & Salakhutdinov 2006, Science 313',
  options: autoencoderOptions,
  training: () => training,
  create: autoencoder,
}

/** How a program finds the denoising autoencoder by name. */
export const denoisingDefinition: MethodDefinition<typeof denoisingOptions> = {
  name: 'denoising',
  summary: 'a picture is made from a spoiled copy of itself',
  paper: 'Vincent et al. 2010, JMLR 11',
  options: denoisingOptions,
  training: () => training,
  create: denoising,
}
