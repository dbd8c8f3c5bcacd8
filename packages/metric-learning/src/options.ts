import { minScaleOption } from '@selfsup/augment'
import type { OptionValues, TrainingDefaults } from '@selfsup/core'

export const options = {
  loss: {
    type: 'choice',
    default: 'supcon',
    choices: ['contrastive', 'triplet', 'n-pair', 'lifted', 'generalised-lifted', 'supcon'],
    description: 'what draws embeddings of a class together and those of others apart',
  },
  labels: {
    type: 'choice',
    default: 'images',
    choices: ['images', 'classes'],
    description: 'images: views of one picture are a class (no labels needed); classes: the dataset’s labels',
  },
  perClass: {
    type: 'number',
    default: 4,
    min: 2,
    integer: true,
    description: 'labels classes: pictures of each class in a batch, which is to be a multiple of it',
  },
  copies: {
    type: 'number',
    default: 'auto',
    min: 1,
    max: 8,
    integer: true,
    formerly: { auto: 0 },
    description: 'views of each picture; auto: 2 where they are the class, else 1',
  },
  mining: {
    type: 'choice',
    default: 'semi-hard',
    choices: ['semi-hard', 'hard', 'all'],
    description: 'triplet: which are taken of each batch',
  },
  margin: {
    type: 'number',
    default: 'auto',
    min: 0.001,
    formerly: { auto: 0 },
    description:
      'contrastive, triplet, lifted: how far apart classes should be; auto: 1, semi-hard triplets 0.2, others a soft margin',
  },
  temperature: { type: 'number', default: 0.1, min: 0.001, description: 'supcon: divides the similarities' },
  regularisation: {
    type: 'number',
    default: 0.002,
    min: 0,
    description: 'n-pair: weight of the squared length of the embeddings',
  },
  outputs: {
    type: 'number',
    default: 64,
    min: 0,
    integer: true,
    description: 'features of the embedding; 0: the backbone’s own, without a head',
  },
  layers: { type: 'number', default: 1, min: 1, integer: true, description: 'linear layers of the head' },
  minScale: minScaleOption({ minScale: 0.2 }),
  jitter: {
    type: 'number',
    default: 0.5,
    min: 0,
    max: 5,
    description:
      'strength of the colour jitter, as a multiple of SimCLR’s; of the colours themselves something is to be learned: 0',
  },
} as const

export type MetricLearningOptions = Partial<OptionValues<typeof options>>
export type Resolved = OptionValues<typeof options>

export const training: TrainingDefaults = {
  epochs: 50,
  batchSize: 128,
  learningRate: 1e-3,
  scaling: 'none',
  schedule: { name: 'cosine', warmupEpochs: 1 },
  optimizer: { name: 'adamw', weightDecay: 1e-4 },
}
