import { normalisationOf, normalise } from '@selfsup/augment'
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
import { inputShape, plainView, sideBySide, toPixels } from './pixels.js'

/** Input of the networks and target of the reconstruction: both normalised, [batch, size, size, channels]. */
export interface Reconstruction extends tf.NamedTensorMap {
  readonly input: tf.Tensor4D
  readonly target: tf.Tensor4D
}

export interface Autoencoder extends Method<Reconstruction> {
  /** Reconstructs normalised (and possibly corrupted) images in inference mode; returns pixels in 0..1. */
  reconstruct(input: tf.Tensor4D): tf.Tensor4D
}

/**
 * Autoencoder: compresses an image to a short code, and reconstructs the image from it (Hinton & Salakhutdinov 2006,
 * Reducing the dimensionality of data with neural networks, Science 313).
 *
 * @param backbone the encoder: [batch, size, size, channels], normalised, to [batch, features]; if it ends with global
 *   average pooling, the code is computed from the feature map before the pooling
 * @param given size of the code, loss, decoder
 * @param context normalisation of the pixels, seed of the other networks' weights
 * @returns the method; its metric is `error`, the mean squared error of pixels in 0..1
 * @throws SelfsupError if an option is unknown or out of range
 */
export function autoencoder(
  backbone: LayersModel,
  given: AutoencoderOptions = {},
  context: MethodContext = {},
): Autoencoder {
  const options = resolveOptions(definition, given)
  return reconstructionMethod('autoencoder', backbone, options, context)
}

/**
 * Denoising autoencoder: reconstructs an image from a corrupted copy, so that the code has to capture the structure of
 * images (Vincent et al. 2010, Stacked denoising autoencoders, JMLR 11; here all layers are trained together).
 *
 * @param given kind and level of the corruption, and the options of the autoencoder
 * @returns the method; its metrics are `error`, and `inputError`, the error of the corrupted copy
 * @throws SelfsupError if an option is unknown or out of range
 */
export function denoising(
  backbone: LayersModel,
  given: DenoisingOptions = {},
  context: MethodContext = {},
): Autoencoder {
  const options = resolveOptions(denoisingDefinition, given)
  const corruptInput = (pixels: tf.Tensor4D, seed: tf.Tensor1D) =>
    corrupt(pixels, options.corruption as Corruption, options.level, foldIn(seed, 0xde01))
  return reconstructionMethod('denoising', backbone, options, context, corruptInput)
}

function reconstructionMethod(
  name: string,
  backbone: LayersModel,
  options: OptionValues<typeof autoencoderOptions>,
  { seed = 1, ...context }: MethodContext,
  corruptInput?: (pixels: tf.Tensor4D, seed: tf.Tensor1D) => tf.Tensor4D,
): Autoencoder {
  const shape = inputShape(name, backbone)
  const normalisation = normalisationOf(shape.channels, context.normalisation)
  const view = plainView(shape, options, normalisation)
  const parts = encoderDecoder(backbone, { ...options, ...shape, seed })
  const pixels = (images: tf.Tensor4D) => toPixels(images, normalisation)
  const binary = options.loss === 'cross-entropy'
  /** Pixels in 0..1 from the output of the decoder. */
  const outputPixels = (made: tf.Tensor4D) => (binary ? (tf.sigmoid(made) as tf.Tensor4D) : pixels(made))
  const error = (a: tf.Tensor4D, b: tf.Tensor4D) => tf.mean(tf.squaredDifference(a, b)) as tf.Scalar
  const reconstruct = (input: tf.Tensor4D) =>
    outputPixels(parts.decode(parts.encode(input, false).code, false))
  return {
    name,
    options,
    definition: corruptInput ? denoisingDefinition : definition,
    normalisation,
    networks: { backbone, ...parts.networks },
    state: {},
    crops: view.crops,
    views(batch, { seed }) {
      const [target] = view.apply(batch, seed) as [tf.Tensor4D]
      return {
        target,
        input: corruptInput ? normalise(corruptInput(pixels(target), seed), normalisation) : target,
      }
    },
    loss({ input, target }) {
      const { features, code } = parts.encode(input, true)
      const made = parts.decode(code, true)
      const wanted = pixels(target)
      return {
        loss: binary ? crossEntropy(made, wanted) : error(made, target),
        features,
        metrics: {
          error: error(outputPixels(made), wanted),
          ...(corruptInput && { inputError: error(pixels(input), wanted) }),
        },
      }
    },
    reconstruct: (input) => tf.tidy(() => reconstruct(input)),
    samples({ input, target }) {
      const made = reconstruct(input)
      const given = [pixels(target), ...(corruptInput ? [pixels(input)] : [])]
      return { [corruptInput ? 'denoised' : 'reconstructions']: sideBySide(...given, made) }
    },
    ...(options.features === 'code' && {
      encode: (images) => tf.tidy(() => parts.encode(images, false).code),
    }),
    dispose: parts.dispose,
  }
}

/**
 * Cross-entropy between pixels, taken as probabilities of white, and logits; mean over all values. The minimum is at
 * sigmoid(logit) = pixel, and is above 0 for pixels strictly between 0 and 1.
 */
export function crossEntropy(logits: tf.Tensor, pixels: tf.Tensor): tf.Scalar {
  // Equals -p log s(x) - (1 - p) log(1 - s(x)), without a logarithm of 0.
  return tf.mean(tf.sub(tf.softplus(logits), tf.mul(logits, pixels))) as tf.Scalar
}

/** Definition of the autoencoder. */
export const definition: MethodDefinition<typeof autoencoderOptions> = {
  name: 'autoencoder',
  summary: 'reconstructs an image from a short code',
  paper: 'Hinton & Salakhutdinov 2006, Science 313',
  options: autoencoderOptions,
  training: () => training,
  create: autoencoder,
}

/** Definition of the denoising autoencoder. */
export const denoisingDefinition: MethodDefinition<typeof denoisingOptions> = {
  name: 'denoising',
  summary: 'reconstructs an image from a corrupted copy',
  paper: 'Vincent et al. 2010, JMLR 11',
  options: denoisingOptions,
  training: () => training,
  create: denoising,
}
