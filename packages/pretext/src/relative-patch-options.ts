import type { OptionValues, TrainingDefaults } from '@selfsup/core'
import { headOption, minScaleOption } from './shared-options.js'

export const options = {
  patch: {
    type: 'number',
    default: 'auto',
    min: 1,
    integer: true,
    earlier: { auto: 0 },
    description: 'side of a patch in pixels; auto: 3/8 of the image, at least 8',
  },
  gap: {
    type: 'number',
    default: 'auto',
    min: 0,
    integer: true,
    earlier: { auto: -1 },
    description:
      'pixels between patches, so that edges do not continue from one patch to the next; auto: half a patch',
  },
  displacement: {
    type: 'number',
    default: 'auto',
    min: 0,
    integer: true,
    earlier: { name: 'jitter', auto: -1 },
    description: 'largest random shift of a neighbour in pixels; auto: 7/96 of a patch',
  },
  pairs: {
    type: 'number',
    default: 4,
    min: 1,
    integer: true,
    description: 'pairs of patches per image and step',
  },
  colours: {
    type: 'choice',
    default: 'project',
    choices: ['project', 'drop', 'keep'],
    description:
      'removes chromatic aberration, which reveals the position of a patch: project out the green-magenta axis, drop two colours of a patch, or keep all colours; ignored for grayscale images',
  },
  dropped: {
    type: 'number',
    default: 1,
    min: 0,
    max: 1,
    description: 'fraction of patches that lose two colours if colours is drop',
  },
  hidden: headOption,
  minScale: {
    ...minScaleOption,
    description: 'smallest area of the crop from which patches are cut, as a fraction of the image',
  },
} as const

export type RelativePatchOptions = Partial<OptionValues<typeof options>>

export const training: TrainingDefaults = {
  epochs: 200,
  batchSize: 256,
  learningRate: 0.1,
  scaling: 'linear',
  schedule: { name: 'cosine', warmupEpochs: 1 },
  optimizer: { name: 'sgd', momentum: 0.9, nesterov: true, weightDecay: 5e-4 },
}
