/** Options of every method with a code: its size, the decoder, and whether the code serves as features. */
export const codeOptions = {
  latent: {
    type: 'number',
    default: 128,
    min: 1,
    integer: true,
    description: 'size of the code (bottleneck)',
  },
  width: {
    type: 'number',
    default: 32,
    min: 1,
    integer: true,
    description: 'filters of the decoder at full size; doubled at each smaller size',
  },
  features: {
    type: 'choice',
    default: 'backbone',
    choices: ['code', 'backbone'],
    description: 'features used for evaluation: the code, or the backbone’s output',
  },
} as const

/** Number of latents: an option of every method with latents. */
export const latentOption = (units: number) =>
  ({
    type: 'number',
    default: units,
    min: 1,
    integer: true,
    description: 'number of latents from which an image is generated',
  }) as const

/** An option of every method whose networks can be of either kind. */
export const networkOption = {
  type: 'choice',
  default: 'auto',
  choices: ['auto', 'convolutional', 'fullyConnected'],
  description: 'layers of the other networks; auto: convolutions if the backbone has any',
} as const
