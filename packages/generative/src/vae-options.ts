import type { OptionValues, TrainingDefaults } from '@selfsup/core'
import { latentOption, networkOption } from './network-options.js'
import { viewOptions } from './view-options.js'

export const options = {
  latent: latentOption(20),
  beta: {
    type: 'number',
    default: 1,
    min: 0,
    description:
      'weight of the KL divergence of the latents; above 1 encourages disentangled latents (beta-VAE)',
  },
  likelihood: {
    type: 'choice',
    default: 'bernoulli',
    choices: ['bernoulli', 'gaussian'],
    description:
      'distribution of the pixels: bernoulli for digits and other nearly binary images, gaussian for photographs',
  },
  deviation: {
    type: 'number',
    default: 0.1,
    min: 0.001,
    max: 10,
    description: 'standard deviation of pixels in 0..1, for the gaussian likelihood',
  },
  networks: networkOption,
  width: {
    type: 'number',
    default: 32,
    min: 1,
    integer: true,
    description:
      'filters of the decoder’s last hidden layer; fully connected layers have 16 times as many units',
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
