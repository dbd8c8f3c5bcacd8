import type { OptionValues, TrainingDefaults } from '@selfsup/core'
import { minScaleOption } from './shared-options.js'

export const options = {
  minScale: minScaleOption,
  flip: {
    type: 'number',
    default: 'auto',
    min: 0,
    max: 1,
    earlier: { name: 'mirror', values: { yes: 0.5, no: 0 } },
    description: 'probability of a horizontal flip; auto: 0.5, or 0 for images with one channel',
  },
  hidden: {
    type: 'number',
    default: 0,
    min: 0,
    integer: true,
    description: 'units of the classifier’s hidden layer; 0: a linear classifier, as in the paper',
  },
} as const

export type RotationOptions = Partial<OptionValues<typeof options>>

/** Settings of the paper for CIFAR-10, where a batch of 128 images has 512 views. */
export const training: TrainingDefaults = {
  epochs: 100,
  batchSize: 128,
  learningRate: 0.2,
  scaling: 'linear',
  schedule: { name: 'step', milestones: [30, 60, 80], factor: 0.2 },
  optimizer: { name: 'sgd', momentum: 0.9, nesterov: true, weightDecay: 5e-4 },
}
