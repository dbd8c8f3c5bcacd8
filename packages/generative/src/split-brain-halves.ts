import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { labToRgb } from './lab.js'
import { type Channels, inLab, likelihoodLoss, type Target } from './lightness-colour.js'
import { sideBySide } from './pixels.js'
import { predictor } from './predictor.js'
import { colourBins, lightnessBins } from './quantised-colours.js'
import type { SplitBrainOptions } from './split-brain-options.js'

/** Channels in units of Lab: L 0..100 [batch, side, side, 1]; a and b [batch, side, side, 2]. */
export type LabChannels = {
  readonly lightness: tf.Tensor4D
  readonly colour: tf.Tensor4D
}

/**
 * Creates both halves, their predictions of the other half's channels, and their losses: by bins or as numbers.
 * @param backbone sees lightness and predicts colour
 * @param colourBackbone sees colour and predicts lightness
 */
export function halvesOf(
  backbone: LayersModel,
  colourBackbone: LayersModel,
  { size, seed, ...options }: Required<SplitBrainOptions> & { readonly size: number; readonly seed: number },
) {
  const bins =
    options.loss === 'classification'
      ? { colour: colourBins(options.colourBin), lightness: lightnessBins(options.lightnessBin) }
      : undefined
  const side = size / options.reduction
  const seenBy = { colour: backbone, lightness: colourBackbone } // target and the half that predicts it
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

  return {
    ...halves,
    lossOf(target: Target, made: tf.Tensor4D, channels: Channels): tf.Scalar {
      const wanted = small(channels[target])
      if (!bins) return tf.mean(tf.squaredDifference(made, wanted)) as tf.Scalar
      return likelihoodLoss(made, bins[target].binOf(inLab(target, wanted)))
    },
    predicted(channels: Channels, temperature?: number): LabChannels {
      const of = (target: Target, seen: tf.Tensor4D) => {
        const { made } = halves[target].apply(seen, false)
        return bins ? (bins[target].mean(made, temperature) as tf.Tensor4D) : inLab(target, made)
      }
      return { lightness: of('lightness', channels.colour), colour: of('colour', channels.lightness) }
    },
    truth: (channels: Channels): LabChannels => ({
      lightness: inLab('lightness', small(channels.lightness)),
      colour: inLab('colour', small(channels.colour)),
    }),
  }
}

/** Input, prediction and target of each half, side by side. */
export function comparisons(made: LabChannels, wanted: LabChannels) {
  const rgb = (lightness: tf.Tensor4D, colour: tf.Tensor4D) => labToRgb(tf.concat([lightness, colour], 3))
  return {
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
}
