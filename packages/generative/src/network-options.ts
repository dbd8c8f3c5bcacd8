/** Options of a bottleneck and a decoder, alike for all methods here that have them. */
export const codeOptions = {
  latent: {
    type: 'number',
    default: 128,
    min: 1,
    integer: true,
    description: 'numbers that a picture has to pass through',
  },
  width: {
    type: 'number',
    default: 32,
    min: 1,
    integer: true,
    description: 'filters of the decoder at full size; twice as many at each halving',
  },
} as const

/** How many units the latents have: an option of each method that has latents. */
export const latentOption = (units: number) =>
  ({
    type: 'number',
    default: units,
    min: 1,
    integer: true,
    description: 'numbers that a picture is made from',
  }) as const

/** An option of each method whose networks may be of either kind. */
export const networkOption = {
  type: 'choice',
  default: 'auto',
  choices: ['auto', 'convolutional', 'fullyConnected'],
  description: 'what the networks beside the backbone are made of; auto: convolutions where it has some',
} as const
