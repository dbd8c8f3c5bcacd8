import type { OptionValues, TrainingDefaults } from '@selfsup/core'
import { viewOptions } from './view-options.js'

export const options = {
  loss: {
    type: 'choice',
    default: 'classification',
    choices: ['classification', 'regression'],
    description: 'the other channels are told by bins of theirs, or as numbers (squared error)',
  },
  colourBin: {
    type: 'number',
    default: 10,
    min: 2,
    max: 100,
    description: 'width of a bin of colour, in units of a and b of Lab',
  },
  lightnessBin: {
    type: 'number',
    default: 1,
    min: 0.5,
    max: 50,
    description: 'width of a bin of lightness, of 100',
  },
  reduction: {
    type: 'number',
    default: 4,
    min: 1,
    integer: true,
    description: 'how many times smaller than the pictures are what is predicted, by side',
  },
  width: { type: 'number', default: 64, min: 1, integer: true, description: 'filters before the prediction' },
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
