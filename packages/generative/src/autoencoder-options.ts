import type { OptionValues, TrainingDefaults } from '@selfsup/core'
import { corruptions } from './corruption.js'
import { codeOptions } from './network-options.js'
import { viewOptions } from './view-options.js'

export const autoencoderOptions = {
  ...codeOptions,
  loss: {
    type: 'choice',
    default: 'squared',
    choices: ['squared', 'cross-entropy'],
    description:
      'reconstruction loss: squared error of normalised pixels, or cross-entropy of pixels from 0 to 1',
  },
  ...viewOptions,
} as const

export const denoisingOptions = {
  corruption: {
    type: 'choice',
    default: 'gaussian',
    choices: corruptions,
    description:
      'gaussian: noise on all pixels; masking: some pixels become black; salt-and-pepper: some become black or white',
  },
  level: {
    type: 'number',
    default: 0.25,
    min: 0.001,
    max: 1,
    description: 'standard deviation of gaussian noise (white is 1), or fraction of corrupted pixels',
  },
  ...autoencoderOptions,
} as const

export type AutoencoderOptions = Partial<OptionValues<typeof autoencoderOptions>>
export type DenoisingOptions = Partial<OptionValues<typeof denoisingOptions>>

/** Settings for a hundred epochs on small images. */
export const training: TrainingDefaults = {
  epochs: 100,
  batchSize: 256,
  learningRate: 1e-3,
  scaling: 'none',
  schedule: { name: 'cosine', warmupEpochs: 1 },
  optimizer: { name: 'adamw', weightDecay: 1e-4 },
}
