import type { OptionValues, TrainingDefaults } from '@selfsup/core'

/** Defaults are those of the authors' code for MNIST; epochs of the heads as they take turns there. */
export const options = {
  clusters: {
    type: 'number',
    default: 10,
    min: 2,
    integer: true,
    description: 'clusters that are wanted: as many as there are classes',
  },
  overClusters: {
    type: 'number',
    default: 50,
    min: 0,
    integer: true,
    description: 'clusters of the auxiliary head, finer than the classes; 0: no such head',
  },
  subHeads: {
    type: 'number',
    default: 5,
    min: 1,
    integer: true,
    description: 'classifiers of each head that begin differently, of which the best is taken in the end',
  },
  hidden: {
    type: 'number',
    default: 0,
    min: 0,
    integer: true,
    description: 'units of a layer between the features and both heads; 0: none, as in the paper',
  },
  temperature: {
    type: 'number',
    default: 1,
    min: 0.001,
    description: 'of the assignments: below 1 they are more decided; 1 in the paper',
  },
  repeats: {
    type: 'number',
    default: 5,
    min: 1,
    integer: true,
    description: 'transformed copies of each picture in a batch',
  },
  lambda: {
    type: 'number',
    default: 1,
    min: 0,
    description: 'weight of the marginals’ entropies: above 1 clusters are drawn towards one size',
  },
  heads: {
    type: 'choice',
    default: 'alternate',
    choices: ['alternate', 'together'],
    description: 'alternate: the heads take turns, epoch by epoch; together: every step trains both',
  },
  clusterEpochs: {
    type: 'number',
    default: 2,
    min: 1,
    integer: true,
    description: 'epochs of a turn that train the clusters',
  },
  overEpochs: {
    type: 'number',
    default: 1,
    min: 1,
    integer: true,
    description: 'epochs of a turn that train the finer ones',
  },
  overFirst: { type: 'boolean', default: false, description: 'a turn begins with the finer clusters' },
  input: {
    type: 'choice',
    default: 'auto',
    choices: ['auto', 'pixels', 'sobel', 'both'],
    description: 'what the backbone sees: pixels, edges or both; auto: edges of coloured pictures',
  },
  views: {
    type: 'choice',
    default: 'auto',
    choices: ['auto', 'gray', 'colour'],
    description: 'augmentations; auto: gray for pictures of one channel',
  },
  crop: {
    type: 'number',
    default: 'auto',
    min: 0.01,
    max: 1,
    formerly: { auto: 0 },
    description: 'side of the crops as part of the picture’s; auto: 0.67, gray 0.71 (20 of 28 pixels)',
  },
  rotation: {
    type: 'number',
    default: 25,
    min: 0,
    max: 180,
    description: 'degrees that half of the grey copies are turned by, at most',
  },
  erase: {
    type: 'number',
    default: 0,
    min: 0,
    max: 1,
    description: 'side of a square of the grey copies that is made black, as part of the copy’s; 0: none',
  },
  brightness: {
    type: 'number',
    default: 0.4,
    min: 0,
    max: 1,
    formerly: { name: 'jitter' },
    description:
      'by how much the copies’ brightness and contrast change at most: factors from 1 - brightness to 1 + brightness; of coloured ones saturation too',
  },
} as const

export type IicOptionValues = OptionValues<typeof options>
export type IicOptions = Partial<IicOptionValues>

/** The authors' are 3200 times three epochs of 140 images a step, five copies each, at 1e-4. */
export const training: TrainingDefaults = {
  epochs: 90,
  batchSize: 140,
  learningRate: 1e-3,
  scaling: 'none',
  schedule: { name: 'cosine' },
  optimizer: { name: 'adamw', weightDecay: 0 },
}
