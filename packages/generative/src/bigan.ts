import { normalisationOf } from '@selfsup/augment'
import { dcgan, initialise } from '@selfsup/backbones'
import {
  type LossResult,
  type Method,
  type MethodContext,
  type MethodDefinition,
  resolveOptions,
} from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'
import { discriminatorAccuracy, discriminatorLoss, generatorLoss, sampleSpread } from './adversarial.js'
import { adversarialAlarms, adversarialTraining } from './adversarial-training.js'
import { type BiganOptions, options } from './bigan-options.js'
import { fromLogits, generator, kindFor } from './generator.js'
import { jointDiscriminator } from './joint-discriminator.js'
import { drawLatents, latentImages } from './latents.js'
import { inputShape, plainView, sideBySide, toPixels } from './pixels.js'

/** Views of a step. */
export interface BiganViews {
  readonly [name: string]: tf.Tensor
  /** normalised, [batch, size, size, channels] */
  readonly images: tf.Tensor4D
  /** [batch, latents] */
  readonly latents: tf.Tensor2D
}

/** Encoded latents and generated images for the discriminator's phase; no gradient flows into the networks behind them. */
type Pairs = { readonly encoded: tf.Tensor2D; readonly generated: tf.Tensor4D } | undefined

/**
 * BiGAN, adversarial feature learning (Donahue et al. 2017, arXiv:1605.09782, section 3): an encoder maps images to
 * latents, a generator maps latents to images, and a discriminator classifies pairs of image and latents. Encoder and
 * generator deceive it best if they invert each other. Features are the encoder's output before the latents, which the
 * paper's table 1 evaluates with nearest neighbours (`NNC_e-` in the authors' code).
 *
 * @param backbone the encoder's trunk: [batch, size, size, channels], normalised, to [batch, features]
 * @param given latents and networks; the defaults are those of the paper's code for MNIST
 * @param context normalisation of the pixels, seed of the other networks' weights
 * @returns the method, with phases `discriminator` and `generator` (which also trains the encoder)
 * @throws SelfsupError if an option is unknown or out of range, or convolutions cannot generate images of this size
 */
export function bigan(
  backbone: tfl.LayersModel,
  given: BiganOptions = {},
  { normalisation: own, seed = 1 }: MethodContext = {},
): Method<BiganViews, Pairs> {
  const options = resolveOptions(biganDefinition, given)
  const { latent: latents, distribution, width, cycle } = options
  const shape = inputShape('bigan', backbone)
  const kind = kindFor('bigan', options.networks, backbone, shape.size)
  const normalisation = normalisationOf(shape.channels, own)
  const view = plainView(shape, options, normalisation)

  const encoder = latentHead(backbone.outputs[0]!.shape.at(-1)!, latents, seed + 1)
  const generatorNetwork = generator({ kind, latents, ...shape, width, seed: seed + 2 })
  const trunk =
    kind === 'convolutional' ? dcgan({ ...shape, width, features: 16 * width, seed: seed + 3 }) : undefined
  const discriminator = jointDiscriminator({ latents, ...shape, width, trunk, seed: seed + 3 })

  const encode = (images: tf.Tensor4D, training: boolean) =>
    encoder.apply(backbone.apply(images, { training }), { training }) as tf.Tensor2D
  const generate = (z: tf.Tensor2D, training: boolean) =>
    fromLogits(generatorNetwork.apply(z, { training }) as tf.Tensor4D, normalisation)
  const answer = (images: tf.Tensor4D, z: tf.Tensor2D) =>
    discriminator.apply([images, z], { training: true }) as tf.Tensor2D

  return {
    name: 'bigan',
    options,
    definition: biganDefinition,
    networks: { backbone, encoder, generator: generatorNetwork, discriminator },
    state: {},
    phases: { discriminator: ['discriminator'], generator: ['generator', 'encoder', 'backbone'] },
    comparableLoss: false, // the loss of each network is low if the other is bad
    alarms: adversarialAlarms('generator/adversarial'),
    normalisation,
    crops: view.crops,
    views(batch, { seed }) {
      const [images] = view.apply(batch, seed) as [tf.Tensor4D]
      return { images, latents: drawLatents(distribution, images.shape[0], latents, seed) }
    },
    targets: ({ images, latents: z }, { phase }) =>
      phase === 'discriminator' ? { encoded: encode(images, true), generated: generate(z, true) } : undefined,
    loss({ images, latents: z }, _, pairs): LossResult {
      const encoded = pairs?.encoded ?? encode(images, true)
      const generated = pairs?.generated ?? generate(z, true)
      const [ofEncoder, ofGenerator] = [answer(images, encoded), answer(generated, z)]
      if (pairs) {
        return {
          loss: discriminatorLoss(ofEncoder, ofGenerator),
          metrics: {
            accuracy: discriminatorAccuracy(ofEncoder, ofGenerator),
            sampleSpread: sampleSpread(generated, images),
          },
          features: encoded,
        }
      }
      // Non-saturating loss: each kind of pair should be classified as the other (section 3.4).
      const loss = tf.add(generatorLoss(ofGenerator), generatorLoss(tf.neg(ofEncoder)))
      const adversarial = tf.mul(loss, 0.5) as tf.Scalar
      if (cycle === 0) return { loss: adversarial, metrics: { adversarial } }
      // Squared error of normalised pixels, summed over an image (Li et al. 2017, arXiv:1709.01215, section 3.2).
      const error = tf.squaredDifference(images, generate(encoded, true))
      const inversion = tf.mean(tf.sum(error, [1, 2, 3])) as tf.Scalar
      return { loss: tf.add(adversarial, tf.mul(inversion, cycle)), metrics: { adversarial, inversion } }
    },
    samples({ images }, { seed }) {
      const show = (z: tf.Tensor2D) => toPixels(generate(z, false), normalisation)
      return {
        ...latentImages(show, distribution, latents, seed),
        reconstructions: sideBySide(toPixels(images, normalisation), show(encode(images, false))),
      }
    },
    dispose: () => {
      for (const model of [encoder, generatorNetwork, discriminator]) model.dispose()
    },
  }
}

/** Maps the backbone's features to latents. */
function latentHead(features: number, latents: number, seed: number): tfl.LayersModel {
  const input = tfl.input({ shape: [features], name: 'features' })
  const linear = tfl.layers.dense({ name: 'latents', units: latents, kernelInitializer: 'zeros' })
  const outputs = linear.apply(input) as tfl.SymbolicTensor
  return initialise(tfl.model({ inputs: input, outputs, name: 'encoder' }), seed, 'transformer')
}

/** Definition of BiGAN. */
export const biganDefinition: MethodDefinition<typeof options> = {
  name: 'bigan',
  summary:
    'trains an encoder and a generator that invert each other against a discriminator of image-latent pairs',
  paper: 'Donahue et al. 2017, arXiv:1605.09782',
  options,
  backbone: 'fully-connected',
  training: () => adversarialTraining,
  create: bigan,
}
