import { normalisationOf } from '@selfsup/augment'
import {
  type BackboneInput,
  expected,
  type Method,
  type MethodContext,
  type MethodDefinition,
  resolveOptions,
} from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { type Channels, split } from './lightness-colour.js'
import { inputShape, plainView } from './pixels.js'
import { comparisons, halvesOf, type LabChannels } from './split-brain-halves.js'
import { options, type SplitBrainOptions, training } from './split-brain-options.js'

export interface SplitBrain extends Method<Channels> {
  /**
   * Predicts lightness and colour of images from each other in inference mode; the side is smaller by the factor
   * `reduction`.
   * @param temperature of the annealed mean over bins (`Quantised`): 0.38 looks best, 1 gives the smallest squared error
   */
  predict(channels: Channels, temperature?: number): LabChannels
  /** The targets of `predict`: the images' own channels at the same size. */
  truth(channels: Channels): LabChannels
}

/**
 * Split-brain autoencoder: one half of the network predicts the colours of an image from its lightness, the other predicts
 * the lightness from the colours (Zhang et al. 2017, arXiv:1611.09842, eq. 1 to 4). Features are the concatenated features
 * of both halves. The colour space is CIE Lab.
 *
 * @param backbone the half that sees lightness: [batch, size, size, 1] to [batch, features]
 * @param given loss and bins; defaults are the paper's
 * @param context `makeBackbone` creates the half that sees colour, with two channels; normalisation of the images, seed of the
 *   other networks' weights
 * @returns the method; its metrics are the losses of the halves, `toColour` and `toLightness`
 * @throws SelfsupError if an option is unknown or out of range, images are grayscale, `makeBackbone` is missing, or a half
 *   takes a different number of channels or size
 */
export function splitBrain(
  backbone: LayersModel,
  given: SplitBrainOptions = {},
  { seed = 1, makeBackbone, imageShape, ...context }: MethodContext = {},
): SplitBrain {
  const options = resolveOptions(definition, given)
  expectColour(imageShape?.channels ?? 3)
  const { size, channels } = inputShape('split-brain', backbone)
  expected(
    channels === 1,
    `split-brain: the backbone sees lightness and must take 1 channel; it takes ${channels}`,
  )
  expected(
    makeBackbone,
    'split-brain: a second backbone is needed for colour; pass a function that creates it, such as { makeBackbone: convnet }',
  )
  expected(
    size % options.reduction === 0,
    `split-brain's option reduction must divide the images' side, ${size}; got ${options.reduction}`,
  )
  const normalisation = normalisationOf(3, context.normalisation)
  const view = plainView({ size, channels: 3 }, options, normalisation)
  const colourBackbone = makeBackbone({ size, channels: 2, seed: seed + 1 })
  const taken = inputShape('split-brain', colourBackbone)
  expected(
    taken.channels === 2 && taken.size === size,
    `split-brain: the backbone that sees colour must take ${size} pixels and 2 channels; makeBackbone created one for ${taken.size} pixels and ${taken.channels}`,
  )
  const halves = halvesOf(backbone, colourBackbone, { ...options, size, seed })
  return {
    name: 'split-brain',
    options,
    definition,
    normalisation,
    imageShape: { size, channels: 3 },
    networks: {
      backbone,
      colourBackbone,
      toColour: halves.colour.network,
      toLightness: halves.lightness.network,
    },
    state: {},
    crops: view.crops,
    views(batch, { seed }) {
      return split(view.apply(batch, seed)[0]!, normalisation)
    },
    loss(channels) {
      const colour = halves.colour.apply(channels.lightness, true)
      const lightness = halves.lightness.apply(channels.colour, true)
      const losses = {
        toColour: halves.lossOf('colour', colour.made, channels),
        toLightness: halves.lossOf('lightness', lightness.made, channels),
      }
      return {
        loss: tf.add(losses.toColour, losses.toLightness) as tf.Scalar,
        metrics: losses,
        features: tf.concat([colour.features, lightness.features], 1),
      }
    },
    samples: (channels) => comparisons(halves.predicted(channels), halves.truth(channels)),
    predict: (channels, temperature) => tf.tidy(() => halves.predicted(channels, temperature)),
    truth: (channels) => tf.tidy(() => halves.truth(channels)),
    encode: (images) =>
      tf.tidy(() => {
        const { lightness, colour } = split(images, normalisation)
        const features = [backbone.apply(lightness, rest), colourBackbone.apply(colour, rest)]
        return tf.concat(features as tf.Tensor2D[], 1)
      }),
    dispose() {
      colourBackbone.dispose()
      halves.colour.network.dispose()
      halves.lightness.network.dispose()
    },
  }
}

const rest = { training: false } as const

function expectColour(channels: number): void {
  expected(
    channels === 3,
    'split-brain needs colour images, and these are grayscale (one channel); use another method, such as autoencoder or denoising',
  )
}

/** Definition of the split-brain autoencoder. */
export const definition: MethodDefinition<typeof options> = {
  name: 'split-brain',
  summary: 'predicts colour from lightness, and lightness from colour',
  paper: 'Zhang et al. 2017, arXiv:1611.09842',
  options,
  training: () => training,
  backboneInput({ size, channels }): BackboneInput {
    expectColour(channels)
    return { size, channels: 1 }
  },
  create: splitBrain,
}
