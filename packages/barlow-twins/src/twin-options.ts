// Options of Barlow Twins and VICReg alike: one wide head, BYOL's crops and colours.
import { byolRecipe, jitterOption, minScaleOption, viewsOption } from '@selfsup/augment'
import type { OptionValues, TrainingDefaults } from '@selfsup/core'

/** Options of the projector, alike in both methods. */
export const projectorOptions = {
  outputs: {
    type: 'number',
    default: 'auto',
    min: 2,
    integer: true,
    formerly: { auto: 0 },
    description:
      'features that the loss compares; auto: four times the backbone’s, 8192 for ResNet-50 as in the paper',
  },
  hidden: {
    type: 'number',
    default: 'auto',
    min: 1,
    integer: true,
    formerly: { auto: 0 },
    description: 'units of the projector’s hidden layers; auto: as many as outputs',
  },
  layers: {
    type: 'number',
    default: 3,
    min: 1,
    integer: true,
    description: 'linear layers of the projector',
  },
} as const

/** Options of the views but blur, alike in both methods. */
export const viewOptions = {
  views: {
    ...viewsOption,
    choices: ['auto', 'colour', 'simclr', 'gray', 'anyOrientation'],
    description: 'augmentations; auto: the paper’s (colour), gray for pictures of one channel',
  },
  jitter: jitterOption,
  minScale: minScaleOption(byolRecipe),
} as const

export type ProjectorOptions = OptionValues<typeof projectorOptions>

/** Section 2.2 of Barlow Twins and 4.2 of VICReg, which go on for 1000 epochs in batches of 2048. */
export const training: TrainingDefaults = {
  epochs: 200,
  batchSize: 256,
  learningRate: 0.2,
  scaling: 'linear',
  schedule: { name: 'cosine', warmupEpochs: 10, final: 2e-4 },
  optimizer: { name: 'lars', momentum: 0.9, weightDecay: 1e-6 },
}
