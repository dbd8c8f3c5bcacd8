import type { OptionValues, TrainingDefaults } from '@selfsup/core'

export const options = {
  patch: {
    type: 'number',
    default: 'auto',
    min: 1,
    integer: true,
    formerly: { auto: 0 },
    description: 'side of a patch in pixels; auto: a quarter of the picture, 8 at least',
  },
  stride: {
    type: 'number',
    default: 'auto',
    min: 1,
    integer: true,
    formerly: { auto: 0 },
    description: 'pixels from one patch to the next; auto: half a patch',
  },
  steps: { type: 'number', default: 5, min: 1, integer: true, description: 'rows ahead that are predicted' },
  ignored: {
    type: 'number',
    default: 1,
    min: 0,
    integer: true,
    description: 'nearest rows that are not predicted, since their patches overlap with what is seen',
  },
  directions: {
    type: 'choice',
    default: 'down',
    choices: ['down', 'vertical', 'all'],
    description: 'from where to where is predicted: down; up too; to the right and left too',
  },
  norm: {
    type: 'choice',
    default: 'layer',
    choices: ['layer', 'batch'],
    description: 'normalisation in the backbone that a program makes; batch lets patches know of one another',
  },
  patchAugmentation: {
    type: 'boolean',
    default: true,
    description: 'crop, jitter and grey each patch for itself, and let some keep but one colour',
  },
  blocks: {
    type: 'number',
    default: 5,
    min: 1,
    integer: true,
    description: 'masked residual blocks of the context network',
  },
  width: { type: 'number', default: 256, min: 1, integer: true, description: 'filters in such a block' },
  targets: {
    type: 'number',
    default: 64,
    min: 1,
    integer: true,
    description: 'features of what is predicted',
  },
  scale: { type: 'number', default: 0.1, min: 0.0001, description: 'multiplies the predictions in the loss' },
  contrasted: {
    type: 'number',
    default: 16,
    min: 1,
    integer: true,
    description: 'pictures, at least, whose patches are told apart in the loss; divides the batch',
  },
  minScale: {
    type: 'number',
    default: 0.3,
    min: 0.01,
    max: 1,
    description: 'smallest part of the picture a crop takes',
  },
  grayscale: {
    type: 'number',
    default: 0.25,
    min: 0,
    max: 1,
    description: 'probability that a picture turns grey',
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
