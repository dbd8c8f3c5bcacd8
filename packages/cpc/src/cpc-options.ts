import type { OptionValues, TrainingDefaults } from '@selfsup/core'
import { contrastedOption, scaleOption } from './steps-ahead-options.js'

export const options = {
  patch: {
    type: 'number',
    default: 'auto',
    min: 1,
    integer: true,
    earlier: { auto: 0 },
    description: 'side of a patch in pixels; auto: a quarter of the image’s side, at least 8',
  },
  stride: {
    type: 'number',
    default: 'auto',
    min: 1,
    integer: true,
    earlier: { auto: 0 },
    description: 'distance between neighbouring patches in pixels; auto: half a patch',
  },
  steps: {
    type: 'number',
    default: 5,
    min: 1,
    integer: true,
    description: 'number of rows ahead to predict',
  },
  ignored: {
    type: 'number',
    default: 1,
    min: 0,
    integer: true,
    description:
      'number of nearest rows that are not predicted, because their patches overlap the ones already seen',
  },
  directions: {
    type: 'choice',
    default: 'down',
    choices: ['down', 'vertical', 'all'],
    description: 'directions of prediction: down; vertical: down and up; all: also right and left',
  },
  norm: {
    type: 'choice',
    default: 'layer',
    choices: ['layer', 'batch'],
    description:
      'normalisation layers of the backbone; batch normalisation leaks information between the patches of a batch',
  },
  patchAugmentation: {
    type: 'boolean',
    default: true,
    description:
      'whether each patch is also cropped, jittered and turned grey independently, and a quarter of the patches keep only one colour channel',
  },
  blocks: {
    type: 'number',
    default: 5,
    min: 1,
    integer: true,
    description: 'number of masked residual blocks in the context network',
  },
  width: {
    type: 'number',
    default: 256,
    min: 1,
    integer: true,
    description: 'number of filters in each block of the context network',
  },
  targets: {
    type: 'number',
    default: 64,
    min: 1,
    integer: true,
    description: 'number of features of the predicted patch embeddings',
  },
  scale: scaleOption(0.1),
  contrasted: contrastedOption('images whose patches'),
  minScale: {
    type: 'number',
    default: 0.3,
    min: 0.01,
    max: 1,
    description: 'smallest area of a random crop, as a fraction of the image',
  },
  grayscale: {
    type: 'number',
    default: 0.25,
    min: 0,
    max: 1,
    description: 'probability of converting an image to grey',
  },
} as const

export type CpcOptions = Partial<OptionValues<typeof options>>

export const training: TrainingDefaults = {
  epochs: 200,
  batchSize: 128,
  learningRate: 4e-4,
  scaling: 'none',
  schedule: { name: 'cosine', warmupEpochs: 1 },
  optimizer: { name: 'adamw', weightDecay: 1e-4 },
}
