import type { OptionValues, TrainingDefaults } from '@selfsup/core'
import { codeOptions } from './network-options.js'
import { viewOptions } from './view-options.js'

export const options = {
  hole: {
    type: 'choice',
    default: 'centre',
    choices: ['centre', 'random'],
    description: 'one square in the centre, or several at random positions, which can overlap',
  },
  part: {
    type: 'number',
    default: 0.25,
    min: 0.01,
    max: 0.9,
    description: 'fraction of the image that the holes cover; for random holes, the maximum',
  },
  holes: {
    type: 'number',
    default: 4,
    min: 1,
    integer: true,
    earlier: { name: 'blocks' },
    description: 'number of random holes',
  },
  adversarial: {
    type: 'number',
    default: 0.001,
    min: 0,
    max: 1,
    description:
      'weight of the adversarial loss; the reconstruction loss has the remaining weight; 0: no discriminator',
  },
  discriminatorWidth: {
    type: 'number',
    default: 64,
    min: 1,
    integer: true,
    description: 'filters of the discriminator’s first convolution',
  },
  ...codeOptions,
  latent: { ...codeOptions.latent, default: 512 },
  ...viewOptions,
} as const

export type ContextEncoderOptions = Partial<OptionValues<typeof options>>

export const training: TrainingDefaults = {
  epochs: 100,
  batchSize: 256,
  learningRate: 1e-3,
  scaling: 'none',
  schedule: { name: 'cosine', warmupEpochs: 1 },
  optimizer: { name: 'adamw', weightDecay: 1e-4 },
}
