import { initialise } from '@selfsup/backbones'
import { type Method, type MethodContext, type MethodDefinition, resolveOptions } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'
import { discriminatorAccuracy, discriminatorLoss, generatorLoss, sampleSpread } from './adversarial.js'
import { adversarialAlarms, adversarialTraining } from './adversarial-training.js'
import { type GanOptions, options } from './gan-options.js'
import { fromLogits, generator, kindFor } from './generator.js'
import { drawLatents, latentImages } from './latents.js'
import { inputShape, normalisationOf, plainView } from './pixels.js'
import { r1Penalty, steepest } from './r1.js'

/** What a step looks at. */
interface GanViews {
  readonly [name: string]: tf.Tensor
  /** normalised, [batch, size, size, channels] */
  readonly images: tf.Tensor4D
  /** [batch, latents] */
  readonly latents: tf.Tensor2D
}

/** What the discriminator's gradient does not reach. */
type Targets = { readonly generated: tf.Tensor4D; readonly direction?: tf.Tensor4D } | undefined

export interface Gan extends Method<GanViews, Targets> {
  /** Images of latents, networks at rest: [n, latents] to [n, size, size, channels], 0..1. */
  generate(latents: tf.Tensor2D): tf.Tensor4D
}

/**
 * Generative adversarial networks (Goodfellow et al. 2014, arXiv:1406.2661) of convolutions, as DCGAN (Radford et al. 2016,
 * arXiv:1511.06434): a discriminator learns to tell real images from those of a generator, which learns from it what
 * real ones have. Non-saturating; with `r1` the penalty of Mescheder et al. 2018 (arXiv:1801.04406). Features are the
 * discriminator's, before its answer.
 *
 * @param backbone the discriminator's trunk: [batch, size, size, channels], normalised, to [batch, features]
 * @param given latents, penalty and networks; defaults are DCGAN's, of normal latents
 * @param context normalisation of the pixels, seed of the other networks' weights
 * @returns what the training loop drives: phases `discriminator` (every so often `regularised`) and `generator`
 * @throws SelfsupError when an option is unknown or out of range, or convolutions can't make images of the size
 */
export function gan(
  backbone: tfl.LayersModel,
  given: GanOptions = {},
  { normalisation: own, seed = 1 }: MethodContext = {},
): Gan {
  const options = resolveOptions(ganDefinition, given)
  const { latent: latents, distribution, width, r1, r1Every } = options
  const shape = inputShape('gan', backbone)
  const kind = kindFor('gan', options.networks, backbone, shape.size)
  const normalisation = normalisationOf(shape.channels, own)
  const view = plainView(shape, options, normalisation)

  const answer = answerOf(backbone.outputs[0]!.shape.at(-1)!, seed + 1)
  const maker = generator({ kind, latents, ...shape, width, seed: seed + 2 })
  const generate = (z: tf.Tensor2D, training: boolean) =>
    fromLogits(maker.apply(z, { training }) as tf.Tensor4D, normalisation)
  const pixelsOf = (z: tf.Tensor2D) =>
    tf.tidy(() => tf.sigmoid(maker.apply(z, { training: false }) as tf.Tensor4D))
  const judge = (images: tf.Tensor4D) => {
    const features = backbone.apply(images, { training: true }) as tf.Tensor2D
    return { features, logits: answer.apply(features, { training: true }) as tf.Tensor2D }
  }
  const logitsOf = (images: tf.Tensor4D) => judge(images).logits

  const discriminator = ['backbone', 'discriminator']
  const sometimes = r1 > 0 && r1Every > 1
  const regularises = (phase: string) => (sometimes ? phase === 'regularised' : r1 > 0)
  return {
    name: 'gan',
    options,
    definition: ganDefinition,
    networks: { backbone, discriminator: answer, generator: maker },
    state: {},
    phases: {
      discriminator,
      ...(sometimes && { regularised: discriminator }),
      generator: ['generator'],
    },
    // The penalty now and then, as StyleGAN2's (Karras et al. 2020, arXiv:1912.04958, appendix B): it costs as much as the step.
    phasesAt: ({ step }) => [
      sometimes && step % r1Every === 0 ? 'regularised' : 'discriminator',
      'generator',
    ],
    comparableLoss: false, // each is low when the other is bad
    alarms: adversarialAlarms('generator/loss'),
    normalisation,
    crops: view.crops,
    views(batch, { seed }) {
      const [images] = view.apply(batch, seed) as [tf.Tensor4D]
      return { images, latents: drawLatents(distribution, images.shape[0], latents, seed) }
    },
    targets({ images, latents: z }, { phase }) {
      if (phase === 'generator') return undefined
      const generated = generate(z, true)
      return regularises(phase) ? { generated, direction: steepest(logitsOf, images) } : { generated }
    },
    loss({ images, latents: z }, _, targets) {
      if (!targets) return { loss: generatorLoss(logitsOf(generate(z, true))) }
      const { generated, direction } = targets
      const [ofReal, ofGenerated] = [judge(images), judge(generated)]
      const loss = discriminatorLoss(ofReal.logits, ofGenerated.logits)
      const penalty = direction && r1Penalty(logitsOf, images, direction)
      return {
        loss: penalty ? tf.add(loss, tf.mul(penalty, (r1 / 2) * r1Every)) : loss,
        metrics: {
          accuracy: discriminatorAccuracy(ofReal.logits, ofGenerated.logits),
          sampleSpread: sampleSpread(generated, images),
          ...(penalty && { penalty }),
        },
        features: ofReal.features,
      }
    },
    generate: pixelsOf,
    samples: (_, { seed }) => ({ ...latentImages(pixelsOf, distribution, latents, seed) }),
    dispose: () => {
      for (const model of [answer, maker]) model.dispose()
    },
  }
}

/** From features to the logit of "real". */
function answerOf(features: number, seed: number): tfl.LayersModel {
  const input = tfl.input({ shape: [features], name: 'features' })
  const linear = tfl.layers.dense({ name: 'answer', units: 1, kernelInitializer: 'zeros' })
  const outputs = linear.apply(input) as tfl.SymbolicTensor
  return initialise(tfl.model({ inputs: input, outputs, name: 'discriminator' }), seed, 'transformer')
}

/** How a program finds GAN by name. */
export const ganDefinition: MethodDefinition<typeof options> = {
  name: 'gan',
  summary: 'a generator deceives a discriminator, whose features are taken (DCGAN)',
  paper: 'Goodfellow et al. 2014, arXiv:1406.2661; Radford et al. 2016, arXiv:1511.06434',
  options,
  backbone: 'dcgan',
  training: () => adversarialTraining,
  // A penalty on a image's gradient means little where the batch's others enter.
  backboneInput: (images, { r1 }) => ({ ...images, norm: r1 > 0 ? 'layer' : 'batch' }),
  create: gan,
}
