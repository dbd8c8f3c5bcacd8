import type { OptionValues, TrainingDefaults } from '@selfsup/core'

export const options = {
  patch: {
    type: 'number',
    default: 'auto',
    min: 1,
    integer: true,
    formerly: { auto: 0 },
    description: 'side of a patch in pixels; auto: three eighths of the picture, 8 at least',
  },
  gap: {
    type: 'number',
    default: 'auto',
    min: 0,
    integer: true,
    formerly: { auto: -1 },
    description:
      'pixels between patches, so that edges do not go on from one to the other; auto: half a patch',
  },
  displacement: {
    type: 'number',
    default: 'auto',
    min: 0,
    integer: true,
    formerly: { name: 'jitter', auto: -1 },
    description: 'pixels by which a neighbour is moved at most; auto: 7 of 96 of a patch',
  },
  pairs: {
    type: 'number',
    default: 4,
    min: 1,
    integer: true,
    description: 'pairs of patches that a picture gives in a step',
  },
  colours: {
    type: 'choice',
    default: 'project',
    choices: ['project', 'drop', 'keep'],
    description:
      'against chromatic aberration, which tells where a patch lay: project green against magenta out, drop two colours of a patch, or keep them all; nothing on grey pictures',
  },
  dropped: {
    type: 'number',
    default: 1,
    min: 0,
    max: 1,
    description: 'part of the patches that lose two colours, where colours is drop',
  },
  hidden: {
    type: 'number',
    default: 512,
    min: 1,
    integer: true,
    description: 'units between the features of two patches and the answer',
  },
  minScale: {
    type: 'number',
    default: 0.5,
    min: 0.01,
    max: 1,
    description: 'smallest part of the picture that is kept before patches are cut',
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
