// What Barlow Twins and VICReg have in common but their losses: two views, one wide head.
import { type Augmentation, anyOrientation, byolViews, grayViews, simclrViews } from '@selfsup/augment'
import { projector } from '@selfsup/backbones'
import { expected, type Normalisation, type OptionValues } from '@selfsup/core'
import type { LayersModel } from '@tensorflow/tfjs-layers'

/** Options of both methods. */
export const twinOptions = {
  outputs: {
    type: 'number',
    default: 0,
    min: 0,
    integer: true,
    description:
      'features that the loss compares; 0: four times the backbone’s, 8192 for ResNet-50 as in the paper',
  },
  hidden: {
    type: 'number',
    default: 0,
    min: 0,
    integer: true,
    description: 'units of the projector’s hidden layers; 0: as many as outputs',
  },
  layers: {
    type: 'number',
    default: 3,
    min: 1,
    integer: true,
    description: 'linear layers of the projector',
  },
  views: {
    type: 'choice',
    default: 'auto',
    choices: ['auto', 'colour', 'simclr', 'gray', 'anyOrientation'],
    description: 'augmentations; auto: the paper’s (colour), gray for pictures of one channel',
  },
  jitter: {
    type: 'number',
    default: 1,
    min: 0,
    max: 1.25,
    description: 'strength of the colour jitter, 1 as in the paper',
  },
  blur: {
    type: 'choice',
    default: 'auto',
    choices: ['auto', 'yes', 'no'],
    description: 'Gaussian blur as in the paper; auto: of pictures above 64 pixels, which have room for it',
  },
  minScale: {
    type: 'number',
    default: 0,
    min: 0,
    max: 1,
    description: 'smallest part of the picture a crop takes; 0: 0.08, gray 0.3',
  },
} as const

export type TwinOptions = OptionValues<typeof twinOptions>

/** Probabilities in each of the two views. */
export interface Asymmetry {
  readonly blur: readonly [number, number]
  readonly solarise: readonly [number, number]
}

/**
 * The views that the options ask for, of the size and channels that the backbone takes.
 * @param asymmetry what the paper's two views differ in
 */
export function twinViews(
  backbone: LayersModel,
  { views, jitter, blur, minScale }: TwinOptions,
  normalisation: Normalisation | undefined,
  asymmetry: Asymmetry,
): Augmentation {
  const [, size, , channels] = backbone.inputs[0]!.shape as [null, number, number, number]
  const blurred = blur === 'yes' || (blur === 'auto' && size > 64)
  if (views === 'gray' || (views === 'auto' && channels === 1))
    return grayViews({ size, normalisation, minScale: minScale || 0.3, gaussianBlur: blurred ? 0.5 : 0 })
  const of = { size, normalisation, strength: jitter, minScale: minScale || 0.08 }
  if (views === 'simclr') return simclrViews({ ...of, gaussianBlur: blurred ? 0.5 : 0 })
  const { blur: gaussianBlur, solarise } = asymmetry
  const paper = byolViews({ ...of, gaussianBlur: blurred ? gaussianBlur : [0, 0], solarise })
  return views === 'anyOrientation' ? anyOrientation(paper) : paper
}

/**
 * The wide head ("projector", in VICReg "expander") that the loss is computed on: linear layers with batch normalisation
 * and ReLU between them, the last one bare.
 * @throws SelfsupError when there are fewer than two outputs, which could not repeat one another
 */
export function twinProjector(
  name: string,
  backbone: LayersModel,
  { outputs, hidden, layers }: TwinOptions,
  seed: number,
): LayersModel {
  const inputs = backbone.outputs[0]!.shape.at(-1)!
  const wide = outputs || 4 * inputs
  expected(
    wide >= 2,
    `${name}'s option outputs must be at least 2, since the loss tells features apart; got ${wide}`,
  )
  return projector({ inputs, hidden: hidden || wide, outputs: wide, layers, seed })
}
