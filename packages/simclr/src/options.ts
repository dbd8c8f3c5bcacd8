import { blurOption, jitterOption, minScaleOption, simclrRecipe, viewsOption } from '@selfsup/augment'
import type { OptionValues, TrainingDefaults } from '@selfsup/core'

export const options = {
  temperature: {
    type: 'number',
    default: 0.5,
    min: 0.001,
    description: 'divides the similarities in the loss',
  },
  hidden: {
    type: 'number',
    default: 'auto',
    min: 1,
    integer: true,
    formerly: { auto: 0 },
    description: 'units of the projector’s hidden layers; auto: as many as the backbone’s features',
  },
  outputs: {
    type: 'number',
    default: 128,
    min: 1,
    integer: true,
    description: 'features that the loss compares',
  },
  layers: {
    type: 'number',
    default: 2,
    min: 1,
    integer: true,
    description: 'linear layers of the projector',
  },
  batchNorm: { type: 'boolean', default: true, description: 'batch normalisation in the projector' },
  views: viewsOption,
  jitter: {
    ...jitterOption,
    default: 'auto',
    formerly: { auto: -1 },
    description:
      'strength of the colour jitter, as a multiple of the paper’s; auto: 0.5 up to 64 pixels, else 1',
  },
  blur: blurOption(simclrRecipe),
  minScale: minScaleOption(simclrRecipe),
} as const

export type SimclrOptions = Partial<OptionValues<typeof options>>

/** The paper's optimiser for CIFAR-10 (appendix B.9), with SGD in place of LARS for batches of one machine. */
export const training: TrainingDefaults = {
  epochs: 200,
  batchSize: 256,
  learningRate: 0.06,
  scaling: 'linear',
  schedule: { name: 'cosine' },
  optimizer: { name: 'sgd', momentum: 0.9, weightDecay: 5e-4 },
}
