import type { OptionValues } from '@selfsup/core'
import { latentOption, networkOption } from './network-options.js'
import { viewOptions } from './view-options.js'

export const options = {
  latent: latentOption(50),
  distribution: {
    type: 'choice',
    default: 'uniform',
    choices: ['uniform', 'normal'],
    description: 'distribution of the latents: uniform from -1 to 1, as in the paper, or standard normal',
  },
  networks: networkOption,
  width: {
    type: 'number',
    default: 64,
    min: 1,
    integer: true,
    description:
      'filters of the generator’s last and the discriminator’s first hidden layer; fully connected layers have 16 times as many units',
  },
  cycle: {
    type: 'number',
    default: 0,
    min: 0,
    description:
      'weight of the squared reconstruction error of images (ALICE, Li et al. 2017); 0: none, as in the paper',
  },
  ...viewOptions,
} as const

export type BiganOptions = Partial<OptionValues<typeof options>>
