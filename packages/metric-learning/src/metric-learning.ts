import { projector } from '@selfsup/backbones'
import {
  expected,
  ifAuto,
  type Method,
  type MethodContext,
  type MethodDefinition,
  resolveOptions,
} from '@selfsup/core'
import { rowsOfAllWorkers } from '@selfsup/kernels'
import { l2Normalise } from '@selfsup/losses'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { classBatches } from './class-batches.js'
import { byImage, lossOf, neighbours, onSphere } from './loss-of.js'
import { type MetricLearningOptions, options, training } from './options.js'
import { recallOf } from './recall.js'
import { chooseViews } from './views.js'

/** Views of the batch, one tensor per copy, and the class of each row in that order. */
type Views = { views: tf.Tensor4D[]; labels: tf.Tensor1D }

/**
 * Deep metric learning: pulls embeddings of the same class together and pushes those of different classes apart, which
 * also separates classes that were not in the training data. With `labels: 'images'` the views of one image form a class,
 * and no labels are needed (Ye et al. 2019, arXiv:1904.03436). Losses: contrastive (Hadsell et al. 2006), triplet (Schroff
 * et al. 2015, arXiv:1503.03832; batch hard and batch all: Hermans et al. 2017, arXiv:1703.07737), N-pair (Sohn 2016),
 * lifted structured (Oh Song et al. 2016, arXiv:1511.06452; generalised: Hermans et al. 2017), SupCon (Khosla et al. 2020,
 * arXiv:2004.11362).
 *
 * @param backbone the encoder: [batch, size, size, channels], normalised, to [batch, features]
 * @param given options
 * @param context normalisation of the pixels, seed of the head's weights
 * @returns the method, ready for the training loop; its features are the embeddings, normalised to length 1 except for
 *   N-pair and for batch-hard and batch-all triplets
 * @throws SelfsupError when an option is unknown or out of range, or no two views can have the same class
 */
export function metricLearning(
  backbone: LayersModel,
  given: MetricLearningOptions = {},
  { normalisation, seed = 1 }: MethodContext = {},
): Method<Views> {
  const options = resolveOptions(definition, given)
  const { loss, outputs, layers, perClass } = options
  const supervised = options.labels === 'classes'
  const copies = ifAuto(options.copies, supervised ? 1 : 2)
  expected(
    supervised || copies >= 2,
    `metric-learning: copies must be at least 2 with labels=images, where the views of an image form a class; got ${copies}`,
  )
  const [together, setting] = supervised ? [perClass, 'perClass'] : [copies, 'copies']
  expected(
    loss !== 'n-pair' || together % 2 === 0,
    `metric-learning: ${setting} must be even, because n-pair splits each class into pairs; got ${together}`,
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
    definition,
    networks: { backbone, ...(head && { head }) },
    state: {},
    normalisation: augmented.normalisation,
    crops: augmented.crops,
    needs: { labels: supervised },
    ...(supervised && {
      order: ({ labels }, { batchSize, seed }) => {
        expected(
          labels,
          'metric-learning: labels=classes needs a dataset with labels; use such a dataset or set labels to images',
        )
        return classBatches(labels, { batchSize, perClass, seed })
      },
    }),
    views(batch, { seed }) {
      const labels = supervised ? batch.labels : batch.indices
      return { views: augmented.apply(batch, seed), labels: tf.tile(labels, [copies]) }
    },
    loss({ views, labels: own }) {
      const z = rowsOfAllWorkers(embed(tf.concat(views), true), { copies })
      const labels = rowsOfAllWorkers(own, { copies })
      const pairs = () =>
        supervised ? neighbours(z, labels) : neighbours(byImage(z, copies), byImage(labels, copies))
      return {
        loss: lossOf(z, labels, pairs, options),
        metrics: { recall1: recallOf(z, labels) },
        features: z,
      }
    },
    encode: (images) =>
      tf.tidy(() => {
        const z = embed(images, false)
        return onSphere(options) ? l2Normalise(z) : z
      }),
    dispose: () => head?.dispose(),
  }
}

/** The definition of metric learning, for programs that look methods up by name. */
export const definition: MethodDefinition<typeof options> = {
  name: 'metric-learning',
  summary:
    'pulls embeddings of a class together and pushes classes apart, with labels or with the views of an image as a class',
  paper:
    'Hadsell et al. 2006; Schroff et al. 2015, arXiv:1503.03832; Sohn 2016; Oh Song et al. 2016, arXiv:1511.06452; Khosla et al. 2020, arXiv:2004.11362',
  options,
  training: () => training,
  create: metricLearning,
}
