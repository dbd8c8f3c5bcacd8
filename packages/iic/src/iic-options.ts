import type { OptionValues, TrainingDefaults } from '@selfsup/core'

/** The defaults are those of the authors' code for MNIST, including the order in which the heads take turns. */
export const options = {
  clusters: {
    type: 'number',
    default: 10,
    min: 2,
    integer: true,
    description: 'number of clusters of the main head, usually the number of classes',
  },
  overClusters: {
    type: 'number',
    default: 50,
    min: 0,
    integer: true,
    description:
      'number of clusters of the auxiliary over-clustering head, more than there are classes; 0: no auxiliary head',
  },
  subHeads: {
    type: 'number',
    default: 5,
    min: 1,
    integer: true,
    description:
      'number of sub-heads (linear classifiers with different initial weights) of each head; the best one is used after training',
  },
  hidden: {
    type: 'number',
    default: 0,
    min: 0,
    integer: true,
    description:
      'number of units in a hidden layer between the features and the heads; 0: no hidden layer, as in the paper',
  },
  temperature: {
    type: 'number',
    default: 1,
    min: 0.001,
    description:
      'temperature of the softmax over clusters: values below 1 sharpen the assignments; the paper uses 1',
  },
  repeats: {
    type: 'number',
    default: 5,
    min: 1,
    integer: true,
    description: 'number of transformed copies of each image in a batch',
  },
  lambda: {
    type: 'number',
    default: 1,
    min: 0,
    description:
      'weight of the entropy of the marginal distributions: values above 1 favour clusters of equal size',
  },
  heads: {
    type: 'choice',
    default: 'alternate',
    choices: ['alternate', 'together'],
    description: 'alternate: the heads are trained in turn, epoch by epoch; together: every step trains both',
  },
  clusterEpochs: {
    type: 'number',
    default: 2,
    min: 1,
    integer: true,
    description: 'number of consecutive epochs that train the main head when heads alternate',
  },
  overEpochs: {
    type: 'number',
    default: 1,
    min: 1,
    integer: true,
    description: 'number of consecutive epochs that train the auxiliary head when heads alternate',
  },
  overFirst: {
    type: 'boolean',
    default: false,
    description: 'whether training starts with the auxiliary head when heads alternate',
  },
  input: {
    type: 'choice',
    default: 'auto',
    choices: ['auto', 'pixels', 'sobel', 'both'],
    description:
      'input of the backbone: pixels, Sobel edges (2 channels) or both; auto: pixels for grey images, edges for colour images',
  },
  views: {
    type: 'choice',
    default: 'auto',
    choices: ['auto', 'gray', 'colour'],
    description: 'augmentations; auto: gray for images with one channel, else colour',
  },
  crop: {
    type: 'number',
    default: 'auto',
    min: 0.01,
    max: 1,
    earlier: { auto: 0 },
    description:
      'side of the crops as a fraction of the image’s side; auto: 0.67, or 0.71 (20 of 28 pixels) for gray views',
  },
  rotation: {
    type: 'number',
    default: 25,
    min: 0,
    max: 180,
    description:
      'gray views: maximum rotation of a copy in degrees, in both directions; half of the copies are rotated',
  },
  erase: {
    type: 'number',
    default: 0,
    min: 0,
    max: 1,
    description:
      'gray views: side of a black square in each copy, as a fraction of the copy’s side; 0: no square',
  },
  brightness: {
    type: 'number',
    default: 0.4,
    min: 0,
    max: 1,
    earlier: { name: 'jitter' },
    description:
      'maximum change of brightness and contrast (and of saturation for colour images) of the copies: factors from 1 - brightness to 1 + brightness',
  },
} as const

export type IicOptionValues = OptionValues<typeof options>
export type IicOptions = Partial<IicOptionValues>

/** The authors train 3200 times three epochs with 140 images per step, five copies each, at a learning rate of 1e-4. */
export const training: TrainingDefaults = {
  epochs: 90,
  batchSize: 140,
  learningRate: 1e-3,
  scaling: 'none',
  schedule: { name: 'cosine' },
  optimizer: { name: 'adamw', weightDecay: 0 },
}
