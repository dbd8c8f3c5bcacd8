import { blurOption, minScaleOption, simclrRecipe, viewsOption } from '@selfsup/augment'
import type { OptionValues, TrainingDefaults } from '@selfsup/core'

export const options = {
  outputs: {
    type: 'number',
    default: 128,
    min: 2,
    integer: true,
    description: 'features that the loss compares',
  },
  hidden: {
    type: 'number',
    default: 'auto',
    min: 1,
    integer: true,
    description: 'units of the projector’s hidden layer; auto: as many as the backbone’s features',
  },
  lambda: {
    type: 'number',
    default: 0.005,
    min: 0,
    description: 'weight of the redundancy term',
  },
  views: viewsOption,
  blur: blurOption(simclrRecipe),
  minScale: minScaleOption(simclrRecipe),
} as const

export type DietOptions = Partial<OptionValues<typeof options>>

/** How the paper trains, as far as one machine can. */
export const training: TrainingDefaults = {
  epochs: 200,
  batchSize: 256,
  learningRate: 0.06,
  scaling: 'linear',
  schedule: { name: 'cosine' },
  optimizer: { name: 'sgd', momentum: 0.9, weightDecay: 5e-4 },
}
