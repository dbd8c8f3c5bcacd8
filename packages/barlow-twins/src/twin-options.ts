// Options that Barlow Twins and VICReg share: one wide projector, the crops and colours of BYOL.
import {
  bandJitterOption,
  byolRecipe,
  grayscaleOption,
  jitterOption,
  minScaleOption,
  viewsOption,
} from '@selfsup/augment'
import type { OptionValues, TrainingDefaults } from '@selfsup/core'

/** Options of the projector, the same in both methods. */
export const projectorOptions = {
  outputs: {
    type: 'number',
    default: 'auto',
    min: 2,
    integer: true,
    earlier: { auto: 0 },
    description:
      'number of features of the embeddings that the loss compares; auto: four times the number of backbone features (8192 for ResNet-50, as in the paper)',
  },
  hidden: {
    type: 'number',
    default: 'auto',
    min: 1,
    integer: true,
    earlier: { auto: 0 },
    description: 'number of units in each hidden layer of the projector; auto: the value of outputs',
  },
  layers: {
    type: 'number',
    default: 3,
    min: 1,
    integer: true,
    description: 'number of linear layers in the projector',
  },
} as const

/** Options of the views except blur, the same in both methods. */
export const viewOptions = {
  views: {
    ...viewsOption,
    choices: ['auto', 'colour', 'simclr', 'gray', 'anyOrientation'],
    description: 'augmentations; auto: gray for images with one channel, else colour (the paper’s)',
  },
  jitter: jitterOption,
  bandJitter: bandJitterOption,
  grayscale: grayscaleOption,
  minScale: minScaleOption(byolRecipe),
} as const

export type ProjectorOptions = OptionValues<typeof projectorOptions>

/** Section 2.2 of Barlow Twins and section 4.2 of VICReg, which train for 1000 epochs with a batch size of 2048. */
export const training: TrainingDefaults = {
  epochs: 200,
  batchSize: 256,
  learningRate: 0.2,
  scaling: 'linear',
  schedule: { name: 'cosine', warmupEpochs: 10, final: 2e-4 },
  optimizer: { name: 'lars', momentum: 0.9, weightDecay: 1e-6 },
}
