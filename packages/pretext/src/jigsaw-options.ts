import type { OptionValues, TrainingDefaults } from '@selfsup/core'
import { headOption, minScaleOption } from './shared-options.js'

export const options = {
  permutations: {
    type: 'number',
    default: 100,
    min: 2,
    max: 1000,
    integer: true,
    description: 'number of permutations of the tiles to classify',
  },
  puzzles: {
    type: 'number',
    default: 4,
    min: 1,
    integer: true,
    description: 'puzzles per image and step; additional puzzles cost little',
  },
  square: {
    type: 'number',
    default: 'auto',
    min: 3,
    integer: true,
    earlier: { auto: 0 },
    description:
      'side in pixels of the square that is divided into nine cells; auto: the largest multiple of three that fits into the image',
  },
  tile: {
    type: 'number',
    default: 'auto',
    min: 1,
    integer: true,
    earlier: { auto: 0 },
    description: 'side of a tile in pixels, smaller than a cell; auto: 64/75 of the cell, at least 8',
  },
  colourShift: {
    type: 'number',
    default: 'auto',
    min: 0,
    integer: true,
    earlier: { auto: -1 },
    description:
      'largest shift between the colour channels of a tile in pixels; auto: 1/32 of the tile, 0 for small tiles',
  },
  grayscale: {
    type: 'number',
    default: 0.3,
    min: 0,
    max: 1,
    description: 'probability of converting an image to grayscale',
  },
  tileFeatures: {
    type: 'number',
    default: 128,
    min: 1,
    integer: true,
    description: 'features per tile; the head receives those of all nine tiles',
  },
  hidden: headOption,
  minScale: {
    ...minScaleOption,
    description: 'smallest area of the crop from which tiles are cut, as a fraction of the image',
  },
} as const

export type JigsawOptions = Partial<OptionValues<typeof options>>

export const training: TrainingDefaults = {
  epochs: 200,
  batchSize: 256,
  learningRate: 0.1,
  scaling: 'linear',
  schedule: { name: 'cosine', warmupEpochs: 1 },
  optimizer: { name: 'sgd', momentum: 0.9, nesterov: true, weightDecay: 5e-4 },
}
