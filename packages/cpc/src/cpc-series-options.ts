import type { OptionValues, TrainingDefaults } from '@selfsup/core'

export const options = {
  steps: {
    type: 'number',
    default: 12,
    min: 1,
    integer: true,
    description: 'number of steps ahead to predict, counted in steps of the encoder’s output',
  },
  ignored: {
    type: 'number',
    default: 0,
    min: 0,
    integer: true,
    description: 'number of nearest steps that are not predicted',
  },
  scale: {
    type: 'number',
    default: 1,
    min: 0.0001,
    description: 'factor that multiplies the predictions in the loss',
  },
  contrasted: {
    type: 'number',
    default: 16,
    min: 1,
    integer: true,
    description:
      'minimum number of series whose steps serve as negatives of each other; the batch is split into equal groups of at least this size',
  },
  filters: {
    type: 'number',
    default: 128,
    min: 1,
    integer: true,
    description: 'number of filters of the convolution over time in the default backbone',
  },
  units: {
    type: 'number',
    default: 256,
    min: 1,
    integer: true,
    description: 'number of units of the GRU in the default backbone, which is the number of features',
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
