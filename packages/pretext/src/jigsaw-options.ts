import type { OptionValues, TrainingDefaults } from '@selfsup/core'

export const options = {
  permutations: {
    type: 'number',
    default: 100,
    min: 2,
    max: 1000,
    integer: true,
    description: 'ways to put the tiles, among which the one at hand is to be told',
  },
  puzzles: {
    type: 'number',
    default: 4,
    min: 1,
    integer: true,
    description: 'ways in which a picture’s tiles are put in a step; further ones cost little',
  },
  square: {
    type: 'number',
    default: 'auto',
    min: 3,
    integer: true,
    formerly: { auto: 0 },
    description:
      'side in pixels of what is divided into nine cells; auto: the largest multiple of three within the picture',
  },
  tile: {
    type: 'number',
    default: 'auto',
    min: 1,
    integer: true,
    formerly: { auto: 0 },
    description: 'side of a tile in pixels, less than a cell’s; auto: 64 of 75 of it, 8 at least',
  },
  colourShift: {
    type: 'number',
    default: 'auto',
    min: 0,
    integer: true,
    formerly: { auto: -1 },
    description:
      'pixels by which a tile’s colours are shifted at most; auto: 2 of 64 of the tile, none on small ones',
  },
  grayscale: {
    type: 'number',
    default: 0.3,
    min: 0,
    max: 1,
    description: 'probability that a picture turns grey',
  },
  tileFeatures: {
    type: 'number',
    default: 128,
    min: 1,
    integer: true,
    description: 'features of each tile that are put beside one another',
  },
  hidden: {
    type: 'number',
    default: 512,
    min: 1,
    integer: true,
    description: 'units between the features of nine tiles and the answer',
  },
  minScale: {
    type: 'number',
    default: 0.5,
    min: 0.01,
    max: 1,
    description: 'smallest part of the picture that is kept before tiles are cut',
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
