import type { OptionValues, TrainingDefaults } from '@selfsup/core'

export const options = {
  steps: {
    type: 'number',
    default: 12,
    min: 1,
    integer: true,
    description: 'encodings ahead that are predicted, of the encoder’s, not of the series’, steps',
  },
  ignored: {
    type: 'number',
    default: 0,
    min: 0,
    integer: true,
    description: 'nearest of them that are not predicted',
  },
  scale: { type: 'number', default: 1, min: 0.0001, description: 'multiplies the predictions in the loss' },
  contrasted: {
    type: 'number',
    default: 16,
    min: 1,
    integer: true,
    description: 'series, at least, whose steps are told apart in the loss; divides the batch',
  },
  filters: {
    type: 'number',
    default: 128,
    min: 1,
    integer: true,
    description: 'features of an encoding, in the backbone that a program makes: one convolution over time',
  },
  units: {
    type: 'number',
    default: 256,
    min: 1,
    integer: true,
    description: 'of the GRU in the backbone that a program makes: the features',
  },
} as const

export type CpcSeriesOptions = Partial<OptionValues<typeof options>>

export const training: TrainingDefaults = {
  epochs: 50,
  batchSize: 128,
  learningRate: 1e-3,
  scaling: 'none',
  schedule: { name: 'cosine', warmupEpochs: 1 },
  optimizer: { name: 'adamw', weightDecay: 0 },
}
