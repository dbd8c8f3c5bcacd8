import { normalisationOf } from '@selfsup/augment'
import { initialise } from '@selfsup/backbones'
import { type Method, type MethodContext, type MethodDefinition, resolveOptions } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'
import { discriminatorAccuracy, discriminatorLoss, generatorLoss, sampleSpread } from './adversarial.js'
import { adversarialAlarms, adversarialTraining } from './adversarial-training.js'
import { type GanOptions, options } from './gan-options.js'
import { fromLogits, generator, kindFor } from './generator.js'
import { drawLatents, latentImages } from './latents.js'
import { inputShape, plainView } from './pixels.js'
import { r1Penalty, steepestDirections } from './r1.js'

/** Views of a step. */
interface GanViews {
  readonly [name: string]: tf.Tensor
  /** normalised, [batch, size, size, channels] */
  readonly images: tf.Tensor4D
  /** [batch, latents] */
  readonly latents: tf.Tensor2D
}

/** Inputs of the discriminator's loss without a gradient. */
type Targets = { readonly generated: tf.Tensor4D; readonly direction?: tf.Tensor4D } | undefined

export interface Gan extends Method<GanViews, Targets> {
  /** Generates images in inference mode: [n, latents] to [n, size, size, channels], 0..1. */
  generate(latents: tf.Tensor2D): tf.Tensor4D
}

/**
 * Generative adversarial network (Goodfellow et al. 2014, arXiv:1406.2661) with convolutions as in DCGAN (Radford et al.
 * 2016, arXiv:1511.06434): a discriminator is trained to distinguish real from generated images, and a generator to deceive
 * it, with the non-saturating loss. `r1` adds the penalty of Mescheder et al. 2018 (arXiv:1801.04406). Features are the
 * discriminator's, before its last layer.
 *
 * @param backbone the discriminator's trunk: [batch, size, size, channels], normalised, to [batch, features]
 * @param given latents, penalty and networks; the defaults are DCGAN's, with normal latents
 * @param context normalisation of the pixels, seed of the other networks' weights
 * @returns the method, with phases `discriminator` (every `r1Every` steps `regularised` instead) and `generator`
 * @throws SelfsupError if an option is unknown or out of range, or convolutions cannot generate images of this size
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
  const generatorNetwork = generator({ kind, latents, ...shape, width, seed: seed + 2 })
  const generate = (z: tf.Tensor2D, training: boolean) =>
    fromLogits(generatorNetwork.apply(z, { training }) as tf.Tensor4D, normalisation)
  const pixelsOf = (z: tf.Tensor2D) =>
    tf.tidy(() => tf.sigmoid(generatorNetwork.apply(z, { training: false }) as tf.Tensor4D))
  const discriminate = (images: tf.Tensor4D) => {
    const features = backbone.apply(images, { training: true }) as tf.Tensor2D
    return { features, logits: answer.apply(features, { training: true }) as tf.Tensor2D }
  }
  const logitsOf = (images: tf.Tensor4D) => discriminate(images).logits

  const discriminator = ['backbone', 'discriminator']
  const sometimes = r1 > 0 && r1Every > 1
  const regularises = (phase: string) => (sometimes ? phase === 'regularised' : r1 > 0)
  return {
    name: 'gan',
    options,
    definition: ganDefinition,
    networks: { backbone, discriminator: answer, generator: generatorNetwork },
    state: {},
    phases: {
      discriminator,
      ...(sometimes && { regularised: discriminator }),
      generator: ['generator'],
    },
    // The penalty costs as much as the step itself, so it is added only every few steps, as in StyleGAN2 (Karras et al. 2020, arXiv:1912.04958, appendix B).
    phasesAt: ({ step }) => [
      sometimes && step % r1Every === 0 ? 'regularised' : 'discriminator',
      'generator',
    ],
    comparableLoss: false, // the loss of each network is low if the other is bad
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
      return regularises(phase)
        ? { generated, direction: steepestDirections(logitsOf, images) }
        : { generated }
    },
    loss({ images, latents: z }, _, targets) {
      if (!targets) return { loss: generatorLoss(logitsOf(generate(z, true))) }
      const { generated, direction } = targets
      const [ofReal, ofGenerated] = [discriminate(images), discriminate(generated)]
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
      for (const model of [answer, generatorNetwork]) model.dispose()
    },
  }
}

/** Maps features to the logit of "real". */
function answerOf(features: number, seed: number): tfl.LayersModel {
  const input = tfl.input({ shape: [features], name: 'features' })
  const linear = tfl.layers.dense({ name: 'answer', units: 1, kernelInitializer: 'zeros' })
  const outputs = linear.apply(input) as tfl.SymbolicTensor
  return initialise(tfl.model({ inputs: input, outputs, name: 'discriminator' }), seed, 'transformer')
}

/** Definition of GAN. */
export const ganDefinition: MethodDefinition<typeof options> = {
  name: 'gan',
  summary: 'trains a generator against a discriminator, and uses the discriminator’s features (DCGAN)',
  paper: 'Goodfellow et al. 2014, arXiv:1406.2661; Radford et al. 2016, arXiv:1511.06434',
  options,
  backbone: 'dcgan',
  training: () => adversarialTraining,
  // With batch normalisation an image's gradient would depend on the other images of the batch.
  backboneInput: (images, { r1 }) => ({ ...images, norm: r1 > 0 ? 'layer' : 'batch' }),
  create: gan,
}
