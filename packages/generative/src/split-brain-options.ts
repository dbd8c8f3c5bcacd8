import type { OptionValues, TrainingDefaults } from '@selfsup/core'
import { viewOptions } from './view-options.js'

export const options = {
  loss: {
    type: 'choice',
    default: 'classification',
    choices: ['classification', 'regression'],
    description: 'predict the bins of the other channels, or their values (squared error)',
  },
  colourBin: {
    type: 'number',
    default: 10,
    min: 2,
    max: 100,
    description: 'width of a colour bin, in units of a and b of Lab',
  },
  lightnessBin: {
    type: 'number',
    default: 1,
    min: 0.5,
    max: 50,
    description: 'width of a lightness bin; lightness ranges from 0 to 100',
  },
  reduction: {
    type: 'number',
    default: 4,
    min: 1,
    integer: true,
    description: 'factor by which the side of the prediction is smaller than the image',
  },
  width: {
    type: 'number',
    default: 64,
    min: 1,
    integer: true,
    description: 'filters of the last hidden layer before the prediction',
  },
  ...viewOptions,
} as const

export type SplitBrainOptions = Partial<OptionValues<typeof options>>

export const training: TrainingDefaults = {
  epochs: 100,
  batchSize: 256,
  learningRate: 1e-3,
  scaling: 'none',
  schedule: { name: 'cosine', warmupEpochs: 1 },
  optimizer: { name: 'adamw', weightDecay: 1e-4 },
}
