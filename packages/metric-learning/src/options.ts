import { minScaleOption } from '@selfsup/augment'
import type { OptionValues, TrainingDefaults } from '@selfsup/core'

export const options = {
  loss: {
    type: 'choice',
    default: 'supcon',
    choices: ['contrastive', 'triplet', 'n-pair', 'lifted', 'generalised-lifted', 'supcon'],
    description: 'loss function',
  },
  labels: {
    type: 'choice',
    default: 'images',
    choices: ['images', 'classes'],
    description:
      'images: the views of one image form a class (no labels needed); classes: use the labels of the dataset',
  },
  perClass: {
    type: 'number',
    default: 4,
    min: 2,
    integer: true,
    description:
      'labels=classes: number of images of each class in a batch; the batch size must be a multiple of it',
  },
  copies: {
    type: 'number',
    default: 'auto',
    min: 1,
    max: 8,
    integer: true,
    earlier: { auto: 0 },
    description: 'number of views of each image; auto: 2 for labels=images, 1 for labels=classes',
  },
  mining: {
    type: 'choice',
    default: 'semi-hard',
    choices: ['semi-hard', 'hard', 'all'],
    description: 'triplet: which triplets of a batch the loss uses',
  },
  margin: {
    type: 'number',
    default: 'auto',
    min: 0.001,
    earlier: { auto: 0 },
    description:
      'contrastive, triplet, lifted, generalised-lifted: margin between classes; auto: 0.2 for semi-hard triplets, a soft margin for other triplets, else 1',
  },
  temperature: {
    type: 'number',
    default: 0.1,
    min: 0.001,
    description: 'supcon: temperature, by which similarities are divided',
  },
  regularisation: {
    type: 'number',
    default: 0.002,
    min: 0,
    description: 'n-pair: weight of the L2 regularisation of the embeddings',
  },
  outputs: {
    type: 'number',
    default: 64,
    min: 0,
    integer: true,
    description: 'number of features of the embedding; 0: no head, the embedding is the backbone’s features',
  },
  layers: {
    type: 'number',
    default: 1,
    min: 1,
    integer: true,
    description: 'number of linear layers in the head',
  },
  minScale: minScaleOption({ minScale: 0.2 }),
  jitter: {
    type: 'number',
    default: 0.5,
    min: 0,
    max: 5,
    description:
      'strength of the colour jitter, as a multiple of SimCLR’s; set it to 0 if colours distinguish the classes',
  },
} as const

export type MetricLearningOptions = Partial<OptionValues<typeof options>>
export type MetricLearningSettings = OptionValues<typeof options>

export const training: TrainingDefaults = {
  epochs: 50,
  batchSize: 128,
  learningRate: 1e-3,
  scaling: 'none',
  schedule: { name: 'cosine', warmupEpochs: 1 },
  optimizer: { name: 'adamw', weightDecay: 1e-4 },
}
