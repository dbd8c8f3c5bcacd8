import { blurOption, jitterOption, minScaleOption, mocoV2Recipe } from '@selfsup/augment'
import type { OptionValues, TrainingDefaults } from '@selfsup/core'

const band = (colour: string, position: number) =>
  ({
    type: 'number',
    default: 'auto',
    min: 0,
    integer: true,
    description: `channel of the images, counted from 0, that the teacher sees as ${colour}; auto: ${position}, or the only channel`,
  }) as const

export const options = {
  temperature: {
    type: 'number',
    default: 0.07,
    min: 0.001,
    description: 'temperature of the similarities: they are divided by it',
  },
  queue: {
    type: 'number',
    default: 4096,
    min: 1,
    integer: true,
    description: 'number of the teacher’s features of past batches with which images are compared',
  },
  local: {
    type: 'number',
    default: 'auto',
    min: 0,
    description:
      'weight of the loss that compares positions in the image; auto: 1 if both networks have a map of the image, else 0',
  },
  views: {
    type: 'choice',
    default: 'auto',
    choices: ['auto', 'colour', 'gray', 'anyOrientation', 'fixed'],
    description:
      'augmentations; auto: colour for images with three channels, else gray; fixed: none, so that the teacher’s features of each image are computed only once',
  },
  jitter: jitterOption,
  blur: blurOption(mocoV2Recipe),
  minScale: minScaleOption(mocoV2Recipe),
  red: band('red', 0),
  green: band('green', 1),
  blue: band('blue', 2),
} as const

export type DistillationOptions = Partial<OptionValues<typeof options>>

export const training: TrainingDefaults = {
  epochs: 100,
  batchSize: 256,
  learningRate: 0.002,
  scaling: 'linear',
  schedule: { name: 'cosine', warmupEpochs: 1 },
  optimizer: { name: 'adamw', weightDecay: 0.02 },
}
