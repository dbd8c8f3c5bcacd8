import {
  bandJitterOption,
  blurOption,
  grayscaleOption,
  jitterOption,
  minScaleOption,
  mocoV2Recipe,
  viewsOption,
} from '@selfsup/augment'
import type { OptionValues, TrainingDefaults } from '@selfsup/core'

export const options = {
  smoothing: {
    type: 'number',
    default: 0.8,
    min: 0,
    max: 0.99,
    description: 'label smoothing: the part of the probability that is spread over all images',
  },
  frozen: {
    type: 'number',
    default: 0.05,
    min: 0,
    max: 0.5,
    description:
      'part of the training at whose start the backbone is not trained, so that the new classifier does not disturb it',
  },
  views: viewsOption,
  jitter: jitterOption,
  bandJitter: bandJitterOption,
  grayscale: grayscaleOption,
  blur: blurOption(mocoV2Recipe),
  minScale: minScaleOption(mocoV2Recipe),
} as const

export type DietOptions = Partial<OptionValues<typeof options>>

/** AdamW with the paper's weight decay; a tenth of DIET's learning rate, for a backbone that is already trained. */
export const training: TrainingDefaults = {
  epochs: 100,
  batchSize: 256,
  learningRate: 1e-4,
  scaling: 'none',
  schedule: { name: 'cosine', warmupEpochs: 5 },
  optimizer: { name: 'adamw', weightDecay: 0.05 },
  patience: 5,
}
