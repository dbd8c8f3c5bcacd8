import { normalisationOf } from '@selfsup/augment'
import { projector } from '@selfsup/backbones'
import {
  expected,
  ifAuto,
  type Method,
  type MethodContext,
  type MethodDefinition,
  type OptionValues,
  resolveOptions,
} from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { contextNetwork } from './context-network.js'
import { type CpcOptions, options, training } from './cpc-options.js'
import { patchViews } from './patch-views.js'
import { cutPatches, patchGrid } from './patches.js'
import { stepsAhead, stepsOf } from './steps-ahead.js'

/**
 * CPC, contrastive predictive coding of images: the patches of the rows above predict the encodings of the patches below
 * (van den Oord et al. 2018, arXiv:1807.03748, section 3.2). Layer normalisation, patch augmentation and several directions
 * are those of CPC v2 (Hénaff et al. 2019, arXiv:1905.09272). The features of an image are the mean over its patches.
 *
 * @param backbone the patch encoder g_enc: [batch, patch, patch, channels], normalised, to [batch, features]. Use layer
 *   normalisation (`norm: 'layer'`): batch statistics reveal information about the patches to predict
 * @param given options; the defaults are the papers', except for the sizes
 * @param context normalisation of the pixels, seed of the other networks' weights; `imageShape`, by default four times the
 *   patch's side
 * @returns the method, ready for the training loop; reports `accuracyK` for predictions K rows ahead
 * @throws SelfsupError when an option is unknown or out of range, patches are larger than the images or differ from the
 *   backbone's input size, or the grid has too few rows for the steps
 */
export function cpc(
  backbone: LayersModel,
  given: CpcOptions = {},
  { seed = 1, imageShape, ...context }: MethodContext = {},
): Method<tf.Tensor4D> {
  const options = resolveOptions(definition, given)
  const { contrasted, scale } = options
  const [, patch, , channels] = backbone.inputs[0]!.shape as [null, number, number, number]
  const normalisation = normalisationOf(channels, context.normalisation)
  const side = ifAuto(options.patch, patch)
  const grid = patchGrid(imageShape?.size ?? 4 * patch, side, ifAuto(options.stride, Math.ceil(side / 2)))
  expected(
    side === patch,
    `cpc: the backbone's input size must be the patch size, ${side} pixels; got ${patch}; build the backbone with size ${side}`,
  )
  const ahead = stepsOf('cpc', options, grid.grid, 'rows of patches')
  const features = backbone.outputs[0]!.shape.at(-1)!
  const views = patchViews({ ...options, grid, normalisation })
  const head = projector({ inputs: features, hidden: 0, outputs: options.targets, layers: 1, seed: seed + 1 })
  const contexts = directionsOf(options.directions).map((direction, number) => ({
    direction,
    network: contextNetwork({ ...options, grid: grid.grid, features, steps: ahead, seed: seed + 2 + number }),
  }))
  const onGrid = (x: tf.Tensor) => tf.reshape(x, [-1, grid.grid, grid.grid, x.shape.at(-1)!]) as tf.Tensor4D
  return {
    name: 'cpc',
    options,
    definition,
    networks: {
      backbone,
      targets: head,
      ...Object.fromEntries(contexts.map(({ direction, network }) => [`${direction}Context`, network])),
    },
    state: {},
    normalisation,
    imageShape: { size: imageShape?.size ?? 4 * patch, channels },
    crops: views.crops,
    views: (batch, { seed }) => views.apply(batch, seed),
    loss(patches) {
      const encoded = backbone.apply(patches, { training: true }) as tf.Tensor2D
      const predicted = head.apply(encoded, { training: true }) as tf.Tensor2D
      const [latents, targets] = [onGrid(encoded), onGrid(predicted)]
      const all = contexts.flatMap(({ direction, network }) => {
        const turned = turns[direction]
        const [, ...predictions] = network.apply(turned(latents), { training: true }) as tf.Tensor4D[]
        const aims = turned(targets)
        return predictions.map((p, i) => stepsAhead(p, aims, { k: ahead[i]!, contrasted, scale }))
      })
      const meanOf = (values: tf.Scalar[]) => tf.mean(tf.stack(values)) as tf.Scalar
      const accuracies = ahead.map((k, i) => {
        const ofStep = all.filter((_, number) => number % ahead.length === i)
        return [`accuracy${k}`, meanOf(ofStep.map(({ accuracy }) => accuracy))]
      })
      return {
        loss: meanOf(all.map(({ loss }) => loss)),
        metrics: Object.fromEntries(accuracies),
        features: predicted,
      }
    },
    encode: (whole) =>
      tf.tidy(() => {
        const encoded = backbone.apply(cutPatches(whole, grid), { training: false }) as tf.Tensor2D
        return tf.mean(onGrid(encoded), [1, 2]) as tf.Tensor2D
      }),
    dispose() {
      head.dispose()
      for (const { network } of contexts) network.dispose()
    },
  }
}

/** Transforms the grid so that each direction predicts downwards. */
const turns = {
  down: (x: tf.Tensor4D) => x,
  up: (x: tf.Tensor4D) => tf.reverse(x, 1),
  right: (x: tf.Tensor4D) => tf.transpose(x, [0, 2, 1, 3]),
  left: (x: tf.Tensor4D) => tf.reverse(tf.transpose(x, [0, 2, 1, 3]), 1),
}

type Direction = keyof typeof turns

function directionsOf(directions: OptionValues<typeof options>['directions']): Direction[] {
  if (directions === 'all') return ['down', 'up', 'right', 'left']
  return directions === 'vertical' ? ['down', 'up'] : ['down']
}

/** The definition of CPC, for programs that look methods up by name. */
export const definition: MethodDefinition<typeof options> = {
  name: 'cpc',
  summary: 'contrastive predictive coding: patches predict the encodings of the patches below them',
  paper: 'van den Oord et al. 2018, arXiv:1807.03748; v2: Hénaff et al. 2019, arXiv:1905.09272',
  options,
  training: () => training,
  backboneInput: ({ size, channels }, options) => ({
    size: ifAuto(options.patch, Math.max(8, Math.floor(size / 4))),
    channels,
    norm: options.norm,
  }),
  create: cpc,
}
