import { normalisationOf } from '@selfsup/augment'
import { initialise } from '@selfsup/backbones'
import {
  expected,
  type Method,
  type MethodContext,
  type MethodDefinition,
  resolveOptions,
} from '@selfsup/core'
import { foldIn, randomNormal } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'
import { bernoulliCost, gaussianCost, gaussianDivergence } from './elbo.js'
import { featureMap } from './feature-map.js'
import { generator, kindFor } from './generator.js'
import { latentImages } from './latents.js'
import { inputShape, plainView, sideBySide, toPixels } from './pixels.js'
import { options, training, type VaeOptions } from './vae-options.js'

/** Upper bound of the negative log likelihood of images, [batch] in nats: `bound` is the sum of the other two. */
export interface ElboTerms {
  readonly bound: tf.Tensor1D
  readonly reconstruction: tf.Tensor1D
  readonly divergence: tf.Tensor1D
}

export interface Vae extends Method<tf.Tensor4D> {
  /**
   * Negative evidence lower bound of images in inference mode, with one sample of the latents and beta 1 (equation 10).
   * @param images normalised, [batch, size, size, channels]
   * @param seed int32 [2], for the sample
   */
  negativeElbo(images: tf.Tensor4D, seed: tf.Tensor1D): ElboTerms
}

/**
 * VAE, auto-encoding variational Bayes (Kingma & Welling 2014, arXiv:1312.6114): an encoder predicts mean and standard
 * deviation of an image's latents, and a decoder reconstructs the image from a sample of them. Both maximise a lower bound of
 * the image's likelihood. `beta` is that of Higgins et al. 2017. Features are the means of the latents.
 *
 * @param backbone the encoder's trunk: [batch, size, size, channels], normalised, to [batch, features]; if it ends with
 *   global average pooling, the feature map before the pooling is used
 * @param given latents, likelihood and networks; by default 20 latents and Bernoulli pixels, as in the paper for MNIST
 * @param context normalisation of the pixels, seed of the other networks' weights
 * @returns the method; with beta 1 the loss is the negative lower bound, in nats per image
 * @throws SelfsupError if an option is unknown or out of range, or convolutions cannot generate images of this size
 */
export function vae(
  backbone: tfl.LayersModel,
  given: VaeOptions = {},
  { normalisation: own, seed = 1 }: MethodContext = {},
): Vae {
  const options = resolveOptions(vaeDefinition, given)
  const { latent: latents, beta, width, deviation } = options
  const bernoulli = options.likelihood === 'bernoulli'
  const shape = inputShape('vae', backbone)
  const kind = kindFor('vae', options.networks, backbone, shape.size)
  const normalisation = normalisationOf(shape.channels, own)
  const view = plainView(shape, options, normalisation)

  const trunk = featureMap(backbone) ?? backbone
  const posterior = gaussianHead(trunk.outputs[0]!.shape.slice(1) as number[], latents, seed + 1)
  const decoder = generator({ kind, latents, ...shape, width, seed: seed + 2 })

  /** Mean and logarithm of the variance of q(z|x), each [batch, latents]. */
  const encode = (images: tf.Tensor4D, training: boolean) =>
    tf.split(posterior.apply(trunk.apply(images, { training }), { training }) as tf.Tensor2D, 2, 1)
  const decode = (z: tf.Tensor2D, training: boolean) => decoder.apply(z, { training }) as tf.Tensor4D

  /** The two terms of the bound (equation 10, L = 1), and the means. */
  function terms(images: tf.Tensor4D, seed: tf.Tensor1D, training: boolean) {
    const [mean, logVariance] = encode(images, training) as [tf.Tensor2D, tf.Tensor2D]
    // The reparameterisation trick (section 2.4): gradients flow into mean and deviation, not into the noise.
    const noise = randomNormal<tf.Rank.R2>(mean.shape, foldIn(seed, 0x7ae))
    const z = tf.add(mean, tf.mul(tf.exp(tf.mul(logVariance, 0.5)), noise)) as tf.Tensor2D
    const pixels = tf.clipByValue(toPixels(images, normalisation), 0, 1)
    const logits = decode(z, training)
    const reconstruction = bernoulli
      ? bernoulliCost(pixels, logits)
      : gaussianCost(pixels, tf.sigmoid(logits), deviation)
    return { reconstruction, divergence: gaussianDivergence(mean, logVariance), mean }
  }

  return {
    name: 'vae',
    options,
    definition: vaeDefinition,
    networks: { backbone, posterior, decoder },
    state: {},
    normalisation,
    crops: view.crops,
    views: (batch, { seed }) => view.apply(batch, seed)[0]!,
    loss(images, { seed }) {
      const { reconstruction, divergence, mean } = terms(images, seed, true)
      const [cost, nats] = [tf.mean(reconstruction), tf.mean(divergence)] as [tf.Scalar, tf.Scalar]
      return {
        loss: tf.add(cost, tf.mul(nats, beta)),
        metrics: { reconstruction: cost, divergence: nats },
        features: mean,
      }
    },
    encode: (images) => encode(images, false)[0] as tf.Tensor2D,
    negativeElbo: (images, seed) =>
      tf.tidy(() => {
        const { reconstruction, divergence } = terms(images, seed, false)
        return { bound: tf.add(reconstruction, divergence) as tf.Tensor1D, reconstruction, divergence }
      }),
    samples(images, { seed }) {
      const show = (z: tf.Tensor2D) => tf.sigmoid(decode(z, false))
      const [mean] = encode(images, false) as [tf.Tensor2D]
      return {
        ...latentImages(show, 'normal', latents, seed),
        reconstructions: sideBySide(toPixels(images, normalisation), show(mean)),
      }
    },
    dispose: () => {
      for (const model of [posterior, decoder]) model.dispose()
    },
  }
}

/** Maps features to the concatenated mean and log variance: [batch, 2 * latents]. */
function gaussianHead(features: number[], latents: number, seed: number): tfl.LayersModel {
  expected(
    features.every((size) => size > 0),
    `vae: the backbone's features must have a known size; got [${features}]`,
  )
  const input = tfl.input({ shape: features, name: 'features' })
  const flat = features.length > 1 ? tfl.layers.flatten({ name: 'places' }).apply(input) : input
  const linear = tfl.layers.dense({ name: 'gaussian', units: 2 * latents, kernelInitializer: 'zeros' })
  const outputs = linear.apply(flat) as tfl.SymbolicTensor
  return initialise(tfl.model({ inputs: input, outputs, name: 'posterior' }), seed, 'default')
}

/** Definition of the VAE. */
export const vaeDefinition: MethodDefinition<typeof options> = {
  name: 'vae',
  summary:
    'encodes images as normally distributed latents, and generates images from them (variational autoencoder)',
  paper: 'Kingma & Welling 2014, arXiv:1312.6114',
  options,
  backbone: 'convnet',
  training: () => training,
  create: vae,
}
