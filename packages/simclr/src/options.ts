import {
  bandJitterOption,
  blurOption,
  grayscaleOption,
  jitterOption,
  minScaleOption,
  simclrRecipe,
  viewsOption,
} from '@selfsup/augment'
import type { OptionValues, TrainingDefaults } from '@selfsup/core'

export const options = {
  temperature: {
    type: 'number',
    default: 0.2,
    min: 0.001,
    description:
      'temperature of the loss: similarities are divided by it; the paper uses 0.1 for ImageNet and 0.5 for 1000 epochs of CIFAR-10',
  },
  hidden: {
    type: 'number',
    default: 'auto',
    min: 1,
    integer: true,
    earlier: { auto: 0 },
    description:
      'number of units in each hidden layer of the projector; auto: the number of backbone features',
  },
  outputs: {
    type: 'number',
    default: 128,
    min: 1,
    integer: true,
    description: 'number of features of the embeddings that the loss compares',
  },
  layers: {
    type: 'number',
    default: 2,
    min: 1,
    integer: true,
    description: 'number of linear layers in the projector',
  },
  batchNorm: {
    type: 'boolean',
    default: true,
    description: 'whether the projector uses batch normalisation',
  },
  views: viewsOption,
  jitter: {
    ...jitterOption,
    default: 'auto',
    earlier: { auto: -1 },
    description:
      'strength of the colour jitter, as a multiple of the paper’s; auto: 0.5 for images of up to 64 pixels, 1 for larger ones',
  },
  bandJitter: bandJitterOption,
  grayscale: grayscaleOption,
  blur: blurOption(simclrRecipe),
  minScale: minScaleOption(simclrRecipe),
} as const

export type SimclrOptions = Partial<OptionValues<typeof options>>

/** The paper's settings for CIFAR-10 (appendix B.9), with SGD instead of LARS because batches fit on one machine. */
export const training: TrainingDefaults = {
  epochs: 200,
  batchSize: 256,
  learningRate: 0.06,
  scaling: 'linear',
  schedule: { name: 'cosine' },
  optimizer: { name: 'sgd', momentum: 0.9, weightDecay: 5e-4 },
}
