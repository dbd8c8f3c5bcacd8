import { blurOption, jitterOption, minScaleOption, mocoV2Recipe, viewsOption } from '@selfsup/augment'
import type { OptionValues, TrainingDefaults } from '@selfsup/core'

export const options = {
  layers: {
    type: 'number',
    default: 'auto',
    min: 1,
    integer: true,
    formerly: { auto: 0 },
    description: 'linear layers of the projector; auto: 2 up to 64 pixels, else 3',
  },
  outputs: {
    type: 'number',
    default: 'auto',
    min: 1,
    integer: true,
    formerly: { auto: 0 },
    description: 'features that the loss compares; auto: as many as the backbone’s',
  },
  bottleneck: {
    type: 'number',
    default: 'auto',
    min: 1,
    integer: true,
    formerly: { auto: 0 },
    description: 'units of the predictor’s hidden layer; auto: a quarter of the outputs',
  },
  views: viewsOption,
  jitter: jitterOption,
  minScale: minScaleOption(mocoV2Recipe),
  blur: blurOption(mocoV2Recipe),
} as const

export type SimsiamOptions = Partial<OptionValues<typeof options>>

/** The paper's for CIFAR-10 (appendix D), whose rate is meant for a batch of 256. */
export const training: TrainingDefaults = {
  epochs: 800,
  batchSize: 256,
  learningRate: 0.03,
  scaling: 'linear',
  schedule: { name: 'cosine' },
  optimizer: { name: 'sgd', momentum: 0.9, weightDecay: 5e-4 },
}
