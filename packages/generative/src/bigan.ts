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
import { inputShape, normalisationOf, plainView, sideBySide, toPixels } from './pixels.js'

/** What a step looks at. */
export interface BiganViews {
  readonly [name: string]: tf.Tensor
  /** normalised, [batch, size, size, channels] */
  readonly images: tf.Tensor4D
  /** [batch, latents] */
  readonly latents: tf.Tensor2D
}

/** What the discriminator is to tell apart, by networks that its gradient does not reach. */
type Pairs = { readonly encoded: tf.Tensor2D; readonly generated: tf.Tensor4D } | undefined

/**
 * BiGAN, adversarial feature learning (Donahue et al. 2017, arXiv:1605.09782, section 3): an encoder maps
 * images to latents, a generator latents to images, and a discriminator sees pairs of both. What deceives it best are an
 * encoder and a generator that invert each other. Features are the encoder's before its
 * latents, whose nearest neighbours the paper's table 1 counts (`NNC_e-` in the authors' code).
 *
 * @param backbone the encoder's trunk: [batch, size, size, channels], normalised, to [batch, features]
 * @param given latents and networks; defaults are those of the paper's code for MNIST
 * @param context normalisation of the pixels, seed of the other networks' weights
 * @returns what the training loop drives: phases `discriminator` and `generator` (which trains the encoder too)
 * @throws SelfsupError when an option is unknown or out of range, or convolutions can't make images of the size
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
  const maker = generator({ kind, latents, ...shape, width, seed: seed + 2 })
  const trunk =
    kind === 'convolutional' ? dcgan({ ...shape, width, features: 16 * width, seed: seed + 3 }) : undefined
  const judge = jointDiscriminator({ latents, ...shape, width, trunk, seed: seed + 3 })

  const encode = (images: tf.Tensor4D, training: boolean) =>
    encoder.apply(backbone.apply(images, { training }), { training }) as tf.Tensor2D
  const generate = (z: tf.Tensor2D, training: boolean) =>
    fromLogits(maker.apply(z, { training }) as tf.Tensor4D, normalisation)
  const answer = (images: tf.Tensor4D, z: tf.Tensor2D) =>
    judge.apply([images, z], { training: true }) as tf.Tensor2D

  return {
    name: 'bigan',
    options,
    definition: biganDefinition,
    networks: { backbone, encoder, generator: maker, discriminator: judge },
    state: {},
    phases: { discriminator: ['discriminator'], generator: ['generator', 'encoder', 'backbone'] },
    comparableLoss: false, // each is low when the other is bad
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
      // Both are to be taken for the other, without saturating (section 3.4).
      const loss = tf.add(generatorLoss(ofGenerator), generatorLoss(tf.neg(ofEncoder)))
      const adversarial = tf.mul(loss, 0.5) as tf.Scalar
      if (cycle === 0) return { loss: adversarial, metrics: { adversarial } }
      // In deviations, summed over a image (Li et al. 2017, arXiv:1709.01215, section 3.2).
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
      for (const model of [encoder, maker, judge]) model.dispose()
    },
  }
}

/** From the trunk's features to latents. */
function latentHead(features: number, latents: number, seed: number): tfl.LayersModel {
  const input = tfl.input({ shape: [features], name: 'features' })
  const linear = tfl.layers.dense({ name: 'latents', units: latents, kernelInitializer: 'zeros' })
  const outputs = linear.apply(input) as tfl.SymbolicTensor
  return initialise(tfl.model({ inputs: input, outputs, name: 'encoder' }), seed, 'transformer')
}

/** How a program finds BiGAN by name. */
export const biganDefinition: MethodDefinition<typeof options> = {
  name: 'bigan',
  summary: 'an encoder and a generator that invert each other deceive a discriminator of pairs',
  paper: 'Donahue et al. 2017, arXiv:1605.09782',
  options,
  backbone: 'fully-connected',
  training: () => adversarialTraining,
  create: bigan,
}
