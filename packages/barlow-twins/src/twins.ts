// What Barlow Twins and VICReg have in common but their losses: two views, one wide head.
import {
  type Augmentation,
  chooseTwoViews,
  simclrRecipe,
  type TwoViewRecipe,
  type TwoViewSettings,
} from '@selfsup/augment'
import { projector } from '@selfsup/backbones'
import { ifAuto, type Normalisation } from '@selfsup/core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import type { ProjectorOptions } from './twin-options.js'

/** The views that the options ask for, by the paper's recipe or SimCLR's, of the size and channels that the backbone takes. */
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
 * The wide head ("projector", in VICReg "expander") that the loss is computed on: linear layers with batch normalisation
 * and ReLU between them, the last one bare.
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
