import type { OptionValues } from '@selfsup/core'
import { latentOption, networkOption } from './network-options.js'
import { viewOptions } from './view-options.js'

export const options = {
  latent: latentOption(100),
  distribution: {
    type: 'choice',
    default: 'normal',
    choices: ['uniform', 'normal'],
    description: 'distribution of the latents: standard normal, or uniform from -1 to 1, as in the paper',
  },
  r1: {
    type: 'number',
    default: 0,
    min: 0,
    description:
      'weight (gamma) of the R1 penalty on the discriminator’s gradient at real images; 0: none. With a penalty the backbone uses layer instead of batch normalisation',
  },
  r1Every: {
    type: 'number',
    default: 4,
    min: 1,
    integer: true,
    description: 'the penalty is added every n steps, with n times the weight',
  },
  networks: networkOption,
  width: {
    type: 'number',
    default: 64,
    min: 1,
    integer: true,
    description:
      'filters of the generator’s last hidden layer; fully connected layers have 16 times as many units',
  },
  ...viewOptions,
} as const

export type GanOptions = Partial<OptionValues<typeof options>>
