import { byolRecipe } from '@selfsup/augment'
import {
  type Method,
  type MethodContext,
  type MethodDefinition,
  type ParameterGroup,
  resolveOptions,
  trainableWeights,
} from '@selfsup/core'
import { barlowTwins as redundancyReduction } from '@selfsup/losses'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { type BarlowTwinsOptions, migrate, options } from './barlow-twins-options.js'
import { training } from './twin-options.js'
import { twinProjector, twinViews } from './twins.js'

/**
 * Barlow Twins, self-supervised learning by redundancy reduction (Zbontar et al. 2021, arXiv:2103.03230, algorithm 1):
 * the embeddings of two views of a batch are to have the identity as their cross-correlation, so that each feature is the
 * same in both views and no two features say the same. No negatives, no momentum, no predictor.
 *
 * @param backbone the encoder: [batch, size, size, channels], normalised, to [batch, features]
 * @param given lambda, projector and augmentations; defaults are the paper's, the projector fitted to the backbone
 * @param context normalisation of the pixels, seed of the projector's weights
 * @returns what the training loop drives
 * @throws SelfsupError when an option is unknown or out of range
 */
export function barlowTwins(
  backbone: LayersModel,
  given: BarlowTwinsOptions = {},
  { normalisation, seed = 1 }: MethodContext = {},
): Method<[tf.Tensor4D, tf.Tensor4D]> {
  const options = resolveOptions(definition, given)
  const { lambda, biasRate } = options
  // Section 2.2: the first view is always blurred, the second seldom but sometimes solarised.
  const augmentation = twinViews(backbone, options, normalisation, byolRecipe)
  const projector = twinProjector(backbone, options, seed + 1)
  const networks = { backbone, projector }
  return {
    name: 'barlow-twins',
    options,
    definition,
    networks,
    state: {},
    groups: { biasesAndNorms: biasesAndNorms(networks, biasRate) },
    normalisation: augmentation.normalisation,
    crops: augmentation.crops,
    views: (batch, { seed }) => augmentation.apply(batch, seed) as [tf.Tensor4D, tf.Tensor4D],
    loss([y1, y2]) {
      const embed = (y: tf.Tensor4D) => encode(projector, encode(backbone, y))
      const [z1, z2] = [embed(y1), embed(y2)]
      return { loss: redundancyReduction(z1, z2, { lambda }), features: z1 }
    },
    dispose: () => projector.dispose(),
  }
}

/** A training pass: batch normalisation takes the batch's statistics, of each view by itself. */
export function encode(model: LayersModel, x: tf.Tensor): tf.Tensor2D {
  return model.apply(x, { training: true }) as tf.Tensor2D
}

/**
 * Section 2.2: LARS leaves biases and norms as plain gradients, so that they need a rate of their own. Other optimisers
 * treat all weights alike, and so do we with them.
 */
function biasesAndNorms(networks: Method['networks'], rate: number): ParameterGroup {
  const weights = Object.entries(trainableWeights(networks))
  return {
    weights: weights.filter(([, { rank }]) => rank <= 1).map(([name]) => name),
    learningRate: ({ scheduled, optimizer }) =>
      optimizer === 'lars' ? (tf.mul(scheduled, rate) as tf.Scalar) : scheduled,
  }
}

/** How a program finds Barlow Twins by name. */
export const definition: MethodDefinition<typeof options> = {
  name: 'barlow-twins',
  summary: 'the features of two views agree and do not repeat one another',
  paper: 'Zbontar et al. 2021, arXiv:2103.03230',
  options,
  migrate,
  training: () => training,
  create: barlowTwins,
}
