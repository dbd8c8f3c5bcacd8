// The parts that Barlow Twins and VICReg share: two views, a wide projector, and how both encode a view.
import {
  type Augmentation,
  chooseTwoViews,
  simclrRecipe,
  type TwoViewRecipe,
  type TwoViewSettings,
} from '@selfsup/augment'
import { projector } from '@selfsup/backbones'
import { ifAuto, type Normalisation } from '@selfsup/core'
import type * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import type { ProjectorOptions } from './twin-options.js'

/** Creates the augmentation: SimCLR's for `views: 'simclr'`, otherwise the paper's, with the backbone's size and channels. */
export function twinViews(
  backbone: LayersModel,
  {
    views,
    ...settings
  }: Omit<TwoViewSettings, 'views'> & { readonly views: TwoViewSettings['views'] | 'simclr' },
  normalisation: Normalisation | undefined,
  recipe: TwoViewRecipe,
): Augmentation {
  const [, size, , channels] = backbone.inputs[0]!.shape as [null, number, number, number]
  const images = { size, channels, normalisation }
  if (views === 'simclr') return chooseTwoViews(images, { ...settings, views: 'colour' }, simclrRecipe)
  return chooseTwoViews(images, { ...settings, views }, recipe)
}

/**
 * Creates the projector ("expander" in VICReg) whose outputs the loss compares: linear layers, each but the last followed
 * by batch normalisation and ReLU.
 */
export function twinProjector(
  backbone: LayersModel,
  { outputs, hidden, layers }: ProjectorOptions,
  seed: number,
): LayersModel {
  const inputs = backbone.outputs[0]!.shape.at(-1)!
  const wide = ifAuto(outputs, 4 * inputs)
  return projector({ inputs, hidden: ifAuto(hidden, wide), outputs: wide, layers, seed })
}

/** A forward pass in training mode: batch normalisation uses the statistics of the batch, which holds one view. */
export function encode(model: LayersModel, x: tf.Tensor): tf.Tensor2D {
  return model.apply(x, { training: true }) as tf.Tensor2D
}
