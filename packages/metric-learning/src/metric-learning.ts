import {
  type Augmentation,
  augmentation,
  grayNormalisation,
  imagenetNormalisation,
  type ViewOptions,
} from '@selfsup/augment'
import { projector } from '@selfsup/backbones'
import {
  expected,
  type Method,
  type MethodContext,
  type MethodDefinition,
  type OptionValues,
  resolveOptions,
  stopGradient,
} from '@selfsup/core'
import { matMulFloat32 } from '@selfsup/kernels'
import {
  generalisedLiftedStructured,
  l2Normalise,
  labelledContrastive,
  labelledTriplet,
  liftedStructured,
  nPair,
  supCon,
  type TripletOptions,
} from '@selfsup/losses'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { classBatches } from './class-batches.js'

const options = {
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
    default: 0,
    min: 0,
    max: 8,
    integer: true,
    description: 'views of each picture; 0: 2 where they are the class, else 1',
  },
  mining: {
    type: 'choice',
    default: 'semi-hard',
    choices: ['semi-hard', 'hard', 'all'],
    description: 'triplet: which are taken of each batch',
  },
  margin: {
    type: 'number',
    default: 0,
    min: 0,
    description:
      'contrastive, triplet, lifted: how far apart classes should be; 0: 1, semi-hard triplets 0.2, others a soft margin',
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
  minScale: {
    type: 'number',
    default: 0,
    min: 0,
    max: 1,
    description: 'smallest part of the picture a crop takes; 0: 0.2, gray 0.3',
  },
  jitter: {
    type: 'number',
    default: 0.5,
    min: 0,
    max: 1.25,
    description: 'strength of the colour jitter; of the colours themselves something is to be learned: 0',
  },
} as const

export type MetricLearningOptions = Partial<OptionValues<typeof options>>
type Resolved = OptionValues<typeof options>

/** Views of pictures, copy after copy of the whole batch, and the class of each in that order. */
type Views = { views: tf.Tensor4D[]; labels: tf.Tensor1D }

/**
 * Deep metric learning: embeddings in which things of one class lie near each other and others apart, also of classes
 * never seen. With `labels: 'images'` views of one picture are a class, and no labels are needed (Ye et al. 2019,
 * arXiv:1904.03436). Losses: contrastive (Hadsell et al. 2006), triplet (Schroff et al. 2015, arXiv:1503.03832; batch hard
 * and batch all: Hermans et al. 2017, arXiv:1703.07737), N-pair (Sohn 2016), lifted structured (Oh Song et al. 2016,
 * arXiv:1511.06452; generalised: Hermans et al. 2017), SupCon (Khosla et al. 2020, arXiv:2004.11362).
 *
 * @param backbone the encoder: [batch, size, size, channels], normalised, to [batch, features]
 * @param given options
 * @param context normalisation of the pixels, seed of the head's weights
 * @returns what the training loop drives; its features are embeddings, of length 1 where the loss has
 *   them so: not for N-pair and for batch-hard and batch-all triplets, whose distances are Euclidean
 * @throws SelfsupError when an option is unknown or out of range, or no two views can be of one class
 */
export function metricLearning(
  backbone: LayersModel,
  given: MetricLearningOptions = {},
  { normalisation, seed = 1 }: MethodContext = {},
): Method<Views> {
  const options = resolveOptions(definition, given)
  const { loss, outputs, layers, perClass } = options
  const supervised = options.labels === 'classes'
  const copies = options.copies || (supervised ? 1 : 2)
  expected(
    supervised || copies >= 2,
    'metric-learning: where views of a picture are its class (labels images) there must be two or more; set copies to at least 2',
  )
  const [together, setting] = supervised ? [perClass, 'perClass'] : [copies, 'copies']
  expected(
    loss !== 'n-pair' || together % 2 === 0,
    `metric-learning: n-pair takes what a class has in a batch two by two, and ${setting} is ${together}; set it to an even number`,
  )
  const inputs = backbone.outputs[0]!.shape.at(-1)!
  const head =
    outputs > 0 ? projector({ inputs, hidden: inputs, outputs, layers, seed: seed + 1 }) : undefined
  const [, size, , channels] = backbone.inputs[0]!.shape as [null, number, number, number]
  const augmented = chooseViews(size, channels, copies, options, normalisation)
  const embed = (x: tf.Tensor, training: boolean) => {
    const features = backbone.apply(x, { training }) as tf.Tensor2D
    return head ? (head.apply(features, { training }) as tf.Tensor2D) : features
  }
  return {
    name: 'metric-learning',
    options,
    networks: { backbone, ...(head && { head }) },
    state: {},
    normalisation: augmented.normalisation,
    crops: augmented.crops,
    needs: { labels: supervised },
    ...(supervised && {
      order: ({ labels }, { batchSize, seed }) => {
        expected(labels, 'metric-learning: labels classes needs a dataset with labels; set labels to images')
        return classBatches(labels, { batchSize, perClass, seed })
      },
    }),
    views(batch, { seed }) {
      const labels = supervised ? batch.labels : batch.indices
      return { views: augmented.apply(batch, seed), labels: tf.tile(labels, [copies]) }
    },
    loss({ views, labels }) {
      const z = embed(tf.concat(views), true)
      const pairs = () =>
        supervised ? neighbours(z, labels) : neighbours(byPicture(z, copies), byPicture(labels, copies))
      return {
        loss: lossOf(z, labels, pairs, options),
        metrics: { recall1: recallOf(z, labels) },
        features: z,
      }
    },
    encode: (pictures) =>
      tf.tidy(() => {
        const z = embed(pictures, false)
        return onSphere(options) ? l2Normalise(z) : z
      }),
    dispose: () => head?.dispose(),
  }
}

/** @param pairs rows of one class, two by two: anchors and positives with the class of each pair */
function lossOf(
  z: tf.Tensor2D,
  labels: tf.Tensor1D,
  pairs: () => Pairs,
  { loss, mining, temperature, regularisation, ...options }: Resolved,
): tf.Scalar {
  const margin = options.margin || undefined // the loss's own
  switch (loss) {
    case 'contrastive':
      return labelledContrastive(z, labels, { margin, normalise: true, reduction: 'nonZero' })
    case 'triplet':
      return labelledTriplet(z, labels, { mining, ...distancesOf(mining, margin) })
    case 'lifted':
      return liftedStructured(z, labels, { margin, normalise: true })
    case 'generalised-lifted':
      return generalisedLiftedStructured(z, labels, { margin, normalise: true })
    case 'supcon':
      return supCon(z, labels, { temperature })
    case 'n-pair': {
      const { anchors, positives, labels } = pairs()
      return nPair(anchors, positives, { regularisation, labels })
    }
  }
}

/** Whether the loss compares embeddings of length 1. */
function onSphere({ loss, mining }: Resolved): boolean {
  return loss !== 'n-pair' && (loss !== 'triplet' || mining === 'semi-hard')
}

/**
 * FaceNet's squared distances on the sphere for semi-hard triplets; where the hardest are mined they fall together, so
 * that Hermans et al. (section 3.2) take plain ones, of embeddings of any length, and a soft margin.
 */
function distancesOf(mining: Resolved['mining'], margin: number | undefined): TripletOptions {
  if (mining === 'semi-hard') return { margin }
  return { squared: false, normalise: false, softMargin: margin === undefined, margin: margin ?? 0 }
}

interface Pairs {
  readonly anchors: tf.Tensor2D
  readonly positives: tf.Tensor2D
  readonly labels: tf.Tensor1D
}

/** Neighbouring rows as pairs: balanced batches hold class after class. */
function neighbours(z: tf.Tensor2D, labels: tf.Tensor1D): Pairs {
  const [anchors, positives] = tf.unstack(tf.reshape(z, [-1, 2, z.shape[1]]), 1) as [tf.Tensor2D, tf.Tensor2D]
  return { anchors, positives, labels: tf.unstack(tf.reshape(labels, [-1, 2]), 1)[0] as tf.Tensor1D }
}

/** Rows of copy after copy as those of picture after picture. */
function byPicture<T extends tf.Tensor>(x: T, copies: number): T {
  const [rows, ...rest] = x.shape
  const split = tf.reshape(x, [copies, rows! / copies, -1])
  return tf.reshape(tf.transpose(split, [1, 0, 2]), [rows!, ...rest]) as T
}

/** The part of a batch whose nearest other row, by cosine, is of its class. */
function recallOf(z: tf.Tensor2D, labels: tf.Tensor1D): tf.Scalar {
  return tf.tidy(() => {
    const unit = l2Normalise(stopGradient(z))
    const rows = tf.range(0, z.shape[0], 1, 'int32')
    const self = tf.equal(tf.expandDims(rows, 1), rows)
    const nearest = tf.argMax(tf.where(self, -2, matMulFloat32(unit, unit, false, true)), 1)
    return tf.mean(tf.cast(tf.equal(tf.gather(labels, nearest), labels), 'float32')) as tf.Scalar
  })
}

/** Random crops, mirrors and, of colour pictures, jitter and grey; each copy of a picture drawn for itself. */
function chooseViews(
  size: number,
  channels: number,
  copies: number,
  { minScale, jitter }: Resolved,
  normalisation = channels === 1 ? grayNormalisation : imagenetNormalisation,
): Augmentation {
  const colour: Partial<ViewOptions> = {
    horizontalFlip: 0.5,
    ...(jitter > 0 && {
      grayscale: 0.2,
      jitter: {
        probability: 0.8,
        brightness: 0.8 * jitter,
        contrast: 0.8 * jitter,
        saturation: 0.8 * jitter,
        hue: 0.2 * jitter,
      },
    }),
  }
  const gray = channels === 1
  const view: ViewOptions = { size, scale: [minScale || (gray ? 0.3 : 0.2), 1], ...(gray ? {} : colour) }
  return augmentation(Array(copies).fill(view), normalisation)
}

/** How a program finds metric learning by name. */
export const definition: MethodDefinition<typeof options> = {
  name: 'metric-learning',
  summary: 'embeddings near within a class, far between classes; from labels or from views of one picture',
  paper:
    'Hadsell et al. 2006; Schroff et al. 2015, arXiv:1503.03832; Sohn 2016; Oh Song et al. 2016, arXiv:1511.06452; Khosla et al. 2020, arXiv:2004.11362',
  options,
  training: () => ({
    epochs: 50,
    batchSize: 128,
    learningRate: 1e-3,
    scaling: 'none',
    schedule: { name: 'cosine', warmupEpochs: 1 },
    optimizer: { name: 'adamw', weightDecay: 1e-4 },
  }),
  create: metricLearning,
}
