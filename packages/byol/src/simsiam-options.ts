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
  layers: {
    type: 'number',
    default: 'auto',
    min: 1,
    integer: true,
    earlier: { auto: 0 },
    description:
      'number of linear layers in the projector; auto: 2 for images of up to 64 pixels, 3 for larger ones',
  },
  outputs: {
    type: 'number',
    default: 'auto',
    min: 1,
    integer: true,
    earlier: { auto: 0 },
    description:
      'number of features of the embeddings that the loss compares; auto: the number of backbone features',
  },
  bottleneck: {
    type: 'number',
    default: 'auto',
    min: 1,
    integer: true,
    earlier: { auto: 0 },
    description: 'number of units in the predictor’s hidden layer; auto: a quarter of outputs',
  },
  views: viewsOption,
  jitter: jitterOption,
  bandJitter: bandJitterOption,
  grayscale: grayscaleOption,
  minScale: minScaleOption(mocoV2Recipe),
  blur: blurOption(mocoV2Recipe),
} as const

export type SimsiamOptions = Partial<OptionValues<typeof options>>

/** The paper's settings for CIFAR-10 (appendix D); the learning rate is that for a batch size of 256. */
export const training: TrainingDefaults = {
  epochs: 800,
  batchSize: 256,
  learningRate: 0.03,
  scaling: 'linear',
  schedule: { name: 'cosine' },
  optimizer: { name: 'sgd', momentum: 0.9, weightDecay: 5e-4 },
}
