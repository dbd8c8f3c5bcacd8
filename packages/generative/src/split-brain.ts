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
import { labToRgb } from './lab.js'
import { type Channels, inLab, likelihoodLoss, split, type Target } from './lightness-colour.js'
import { inputShape, normalisationOf, plainView, sideBySide } from './pixels.js'
import { predictor } from './predictor.js'
import { colourBins, lightnessBins } from './quantised-colours.js'
import { options, type SplitBrainOptions, training } from './split-brain-options.js'

export interface SplitBrain extends Method<Channels> {
  /**
   * Lightness and colour of pictures, each predicted from the other, once training is over; smaller by the option
   * `reduction`.
   * @param temperature of the annealed mean over bins (`Quantised`): 0.38 for the eye, 1 for the least squared error
   * @returns L 0..100 [batch, side, side, 1]; a and b [batch, side, side, 2]
   */
  predict(
    channels: Channels,
    temperature?: number,
  ): { readonly lightness: tf.Tensor4D; readonly colour: tf.Tensor4D }
  /** What `predict` is to give: the pictures' own, as small. */
  truth(channels: Channels): { readonly lightness: tf.Tensor4D; readonly colour: tf.Tensor4D }
}

/**
 * Split-brain autoencoder: one half of the network sees the lightness of pictures and tells their colours, the other sees
 * the colours and tells the lightness (Zhang et al. 2017, arXiv:1611.09842, eq. 1 to 4); features are both halves',
 * side by side. Colours are CIE Lab.
 *
 * @param backbone the half that sees lightness: [batch, size, size, 1] to [batch, features]
 * @param given loss and bins; defaults are the paper's
 * @param context `makeBackbone` makes the half that sees colour, of two channels; normalisation of the pictures, seed of the
 *   other networks' weights
 * @returns what the training loop drives; reports both halves' losses, `toColour` and `toLightness`
 * @throws SelfsupError when an option is unknown or out of range, pictures are grey, there is no `makeBackbone`, or a half
 *   takes other channels or sizes than these
 */
export function splitBrain(
  backbone: LayersModel,
  given: SplitBrainOptions = {},
  { seed = 1, makeBackbone, pictures, ...context }: MethodContext = {},
): SplitBrain {
  const options = resolveOptions(definition, given)
  expectColour(pictures?.channels ?? 3)
  const { size, channels } = inputShape('split-brain', backbone)
  expected(
    channels === 1,
    `split-brain: the backbone sees lightness and must take 1 channel; it takes ${channels}`,
  )
  expected(
    makeBackbone,
    'split-brain: a second network sees colour; say how it is made, { makeBackbone: convnet }',
  )
  expected(
    size % options.reduction === 0,
    `split-brain's option reduction must divide the pictures' side, ${size}; got ${options.reduction}`,
  )
  const normalisation = normalisationOf(3, context.normalisation)
  const view = plainView({ size, channels: 3 }, options, normalisation)
  const colourBackbone = makeBackbone({ size, channels: 2, seed: seed + 1 })
  const taken = inputShape('split-brain', colourBackbone)
  expected(
    taken.channels === 2 && taken.size === size,
    `split-brain: the backbone that sees colour must take ${size} pixels and 2 channels; makeBackbone made one for ${taken.size} pixels and ${taken.channels}`,
  )
  const classes = options.loss === 'classification'
  const bins = classes
    ? { colour: colourBins(options.colourBin), lightness: lightnessBins(options.lightnessBin) }
    : undefined
  const side = size / options.reduction
  const seenBy = { colour: backbone, lightness: colourBackbone } // what is predicted, and by which half
  const half = (target: Target, stream: number) =>
    predictor(seenBy[target], {
      name: `split-brain (to ${target})`,
      size: side,
      channels: bins?.[target].bins ?? (target === 'colour' ? 2 : 1),
      width: options.width,
      seed: seed + stream,
    })
  const halves = { colour: half('colour', 2), lightness: half('lightness', 3) }

  const small = (x: tf.Tensor4D) =>
    side === size ? x : tf.avgPool(x, options.reduction, options.reduction, 'valid')
  const lossOf = (target: Target, made: tf.Tensor4D, channels: Channels) => {
    const wanted = small(channels[target])
    if (!bins) return tf.mean(tf.squaredDifference(made, wanted)) as tf.Scalar
    return likelihoodLoss(made, bins[target].binOf(inLab(target, wanted)))
  }
  return {
    name: 'split-brain',
    options,
    definition,
    normalisation,
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
        toColour: lossOf('colour', colour.made, channels),
        toLightness: lossOf('lightness', lightness.made, channels),
      }
      return {
        loss: tf.add(losses.toColour, losses.toLightness) as tf.Scalar,
        metrics: losses,
        features: tf.concat([colour.features, lightness.features], 1),
      }
    },
    pictures(channels) {
      const [made, wanted] = [predicted(channels), truth(channels)]
      const rgb = (lightness: tf.Tensor4D, colour: tf.Tensor4D) => labToRgb(tf.concat([lightness, colour], 3))
      return {
        // What each half saw, what it made of that, and the truth.
        colours: sideBySide(
          tf.div(wanted.lightness, 100),
          rgb(wanted.lightness, made.colour),
          rgb(wanted.lightness, wanted.colour),
        ),
        lightness: sideBySide(
          rgb(tf.fill(wanted.lightness.shape, 60), wanted.colour),
          rgb(made.lightness, wanted.colour),
          rgb(wanted.lightness, wanted.colour),
        ),
      }
    },
    predict: (channels, temperature) => tf.tidy(() => predicted(channels, temperature)),
    truth: (channels) => tf.tidy(() => truth(channels)),
    encode: (pictures) =>
      tf.tidy(() => {
        const { lightness, colour } = split(pictures, normalisation)
        const features = [backbone.apply(lightness, rest), colourBackbone.apply(colour, rest)]
        return tf.concat(features as tf.Tensor2D[], 1)
      }),
    dispose() {
      colourBackbone.dispose()
      halves.colour.network.dispose()
      halves.lightness.network.dispose()
    },
  }

  function predicted(channels: Channels, temperature?: number) {
    const of = (target: Target, seen: tf.Tensor4D) => {
      const { made } = halves[target].apply(seen, false)
      return bins ? (bins[target].mean(made, temperature) as tf.Tensor4D) : inLab(target, made)
    }
    return { lightness: of('lightness', channels.colour), colour: of('colour', channels.lightness) }
  }

  function truth(channels: Channels) {
    return {
      lightness: inLab('lightness', small(channels.lightness)),
      colour: inLab('colour', small(channels.colour)),
    }
  }
}

const rest = { training: false } as const

function expectColour(channels: number): void {
  expected(
    channels === 3,
    'split-brain learns from lightness and colour, and these pictures are grey (one channel); take another method, such as autoencoder or denoising',
  )
}

/** How a program finds the split-brain autoencoder by name. */
export const definition: MethodDefinition<typeof options> = {
  name: 'split-brain',
  summary: 'colours from lightness and lightness from colours',
  paper: 'Zhang et al. 2017, arXiv:1611.09842',
  options,
  training: () => training,
  backboneInput({ size, channels }): BackboneInput {
    expectColour(channels)
    return { size, channels: 1 }
  },
  create: splitBrain,
}
