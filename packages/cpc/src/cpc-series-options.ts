import type { OptionValues, TrainingDefaults } from '@selfsup/core'
import { contrastedOption, scaleOption } from './steps-ahead-options.js'

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
  scale: scaleOption(1),
  contrasted: contrastedOption('series whose steps'),
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
