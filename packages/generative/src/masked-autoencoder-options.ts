import type { OptionValues, TrainingDefaults } from '@selfsup/core'
import { viewOptions } from './view-options.js'

export const options = {
  masked: {
    type: 'number',
    default: 0.75,
    min: 0.01,
    max: 0.99,
    description: 'part of the patches that is hidden',
  },
  decoderWidth: {
    type: 'number',
    default: 'auto',
    min: 32,
    integer: true,
    formerly: { auto: 0 },
    description: 'width of the decoder, a multiple of 32; auto: half the encoder’s',
  },
  decoderDepth: {
    type: 'number',
    default: 4,
    min: 0,
    integer: true,
    description: 'blocks of the decoder; the paper’s best for linear probing is 8, of an encoder of 24',
  },
  normalisedPatches: {
    type: 'boolean',
    default: true,
    description: 'each patch is compared after its own mean and deviation are taken out',
  },
  features: {
    type: 'choice',
    default: 'mean',
    choices: ['mean', 'class-token'],
    description:
      'what pictures are described by afterwards: the mean of the patches’ tokens, or the class token',
  },
  ...viewOptions,
  minScale: { ...viewOptions.minScale, default: 0.2 },
} as const

export type MaskedAutoencoderOptions = Partial<OptionValues<typeof options>>

/** The paper's, for 4096 images a step at 2.4e-3. */
export const training: TrainingDefaults = {
  epochs: 400,
  batchSize: 256,
  learningRate: 1.5e-4,
  scaling: 'linear',
  schedule: { name: 'cosine', warmupEpochs: 20 },
  optimizer: { name: 'adamw', beta2: 0.95, weightDecay: 0.05 },
}
