import type { OptionValues, TrainingDefaults } from '@selfsup/core'
import { viewOptions } from './view-options.js'

export const options = {
  masked: {
    type: 'number',
    default: 0.75,
    min: 0.01,
    max: 0.99,
    description: 'fraction of patches that are masked',
  },
  decoderWidth: {
    type: 'number',
    default: 'auto',
    min: 32,
    integer: true,
    earlier: { auto: 0 },
    description: 'width of the decoder, a multiple of 32; auto: half the width of the encoder',
  },
  decoderDepth: {
    type: 'number',
    default: 4,
    min: 0,
    integer: true,
    description:
      'number of blocks of the decoder; in the paper 8 is best for linear probing, with 24 blocks in the encoder',
  },
  normalisedPatches: {
    type: 'boolean',
    default: true,
    description: 'normalise each target patch by its mean and standard deviation',
  },
  features: {
    type: 'choice',
    default: 'mean',
    choices: ['mean', 'class-token'],
    description: 'features used for evaluation: the mean of the patch tokens, or the class token',
  },
  ...viewOptions,
  minScale: { ...viewOptions.minScale, default: 0.2 },
} as const

export type MaskedAutoencoderOptions = Partial<OptionValues<typeof options>>

/** Settings of the paper, which uses a learning rate of 2.4e-3 for 4096 images per step. */
export const training: TrainingDefaults = {
  epochs: 400,
  batchSize: 256,
  learningRate: 1.5e-4,
  scaling: 'linear',
  schedule: { name: 'cosine', warmupEpochs: 20 },
  optimizer: { name: 'adamw', beta2: 0.95, weightDecay: 0.05 },
}
