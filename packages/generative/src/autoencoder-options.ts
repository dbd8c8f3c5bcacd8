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
      'how pixels are compared: squared error of normalised ones, or cross-entropy of those between 0 and 1',
  },
  features: {
    type: 'choice',
    default: 'backbone',
    choices: ['code', 'backbone'],
    description: 'what pictures are described by afterwards: the code, or the backbone’s own output',
  },
  ...viewOptions,
} as const

export const denoisingOptions = {
  corruption: {
    type: 'choice',
    default: 'gaussian',
    choices: corruptions,
    description: 'noise on all pixels, pixels turned black, or black and white',
  },
  level: {
    type: 'number',
    default: 0.25,
    min: 0.001,
    max: 1,
    description: 'standard deviation of the noise, of 1 for white; or part of the pixels that is spoiled',
  },
  ...autoencoderOptions,
} as const

export type AutoencoderOptions = Partial<OptionValues<typeof autoencoderOptions>>
export type DenoisingOptions = Partial<OptionValues<typeof denoisingOptions>>

/** For a hundred epochs of small images. */
export const training: TrainingDefaults = {
  epochs: 100,
  batchSize: 256,
  learningRate: 1e-3,
  scaling: 'none',
  schedule: { name: 'cosine', warmupEpochs: 1 },
  optimizer: { name: 'adamw', weightDecay: 1e-4 },
}
