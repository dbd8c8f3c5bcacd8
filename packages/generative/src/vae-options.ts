import type { OptionValues, TrainingDefaults } from '@selfsup/core'
import { latentOption, networkOption } from './network-options.js'
import { viewOptions } from './view-options.js'

export const options = {
  latent: latentOption(20),
  beta: {
    type: 'number',
    default: 1,
    min: 0,
    description: 'weight of the divergence of the latents; above 1 they come apart (beta-VAE)',
  },
  likelihood: {
    type: 'choice',
    default: 'bernoulli',
    choices: ['bernoulli', 'gaussian'],
    description: 'of pixels: bernoulli for digits and other near-binary ones, gaussian for photographs',
  },
  deviation: {
    type: 'number',
    default: 0.1,
    min: 0.001,
    max: 10,
    description: 'standard deviation of pixels, 0..1, where the likelihood is gaussian',
  },
  networks: networkOption,
  width: {
    type: 'number',
    default: 32,
    min: 1,
    integer: true,
    description: 'filters of the decoder’s last hidden map; of linear layers, units divided by 16',
  },
  ...viewOptions,
} as const

export type VaeOptions = Partial<OptionValues<typeof options>>

export const training: TrainingDefaults = {
  epochs: 50,
  batchSize: 128,
  learningRate: 1e-3,
  scaling: 'none',
  schedule: { name: 'cosine' },
  optimizer: { name: 'adamw', weightDecay: 0 },
}
