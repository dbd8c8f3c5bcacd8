import type { OptionValues } from '@selfsup/core'
import { latentOption, networkOption } from './network-options.js'
import { viewOptions } from './view-options.js'

export const options = {
  latent: latentOption(100),
  distribution: {
    type: 'choice',
    default: 'normal',
    choices: ['uniform', 'normal'],
    description: 'of the latents: standard normal, or evenly from -1 to 1, as in the paper',
  },
  r1: {
    type: 'number',
    default: 0,
    min: 0,
    description:
      'weight (gamma) of the penalty on the discriminator’s gradient by real pictures; 0: none. Its backbone then normalises no batch',
  },
  r1Every: {
    type: 'number',
    default: 4,
    min: 1,
    integer: true,
    description: 'steps from one penalty to the next, so many times as heavy',
  },
  networks: networkOption,
  width: {
    type: 'number',
    default: 64,
    min: 1,
    integer: true,
    description: 'filters of the generator’s last hidden map; of linear layers, units divided by 16',
  },
  ...viewOptions,
} as const

export type GanOptions = Partial<OptionValues<typeof options>>
