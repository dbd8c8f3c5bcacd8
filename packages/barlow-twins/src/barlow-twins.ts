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
import { encode, twinProjector, twinViews } from './twins.js'

/**
 * Barlow Twins, self-supervised learning by redundancy reduction (Zbontar et al. 2021, arXiv:2103.03230, algorithm 1):
 * the loss pushes the cross-correlation matrix of two views' embeddings towards the identity, so that each feature is the
 * same in both views and different features are uncorrelated. No negatives, momentum encoder or predictor.
 *
 * @param backbone the encoder: [batch, size, size, channels], normalised, to [batch, features]
 * @param given options; the defaults are the paper's, with the projector scaled to the backbone
 * @param context normalisation of the pixels, seed of the projector's weights
 * @returns the method, ready for the training loop
 * @throws SelfsupError when an option is unknown or out of range
 */
export function barlowTwins(
  backbone: LayersModel,
  given: BarlowTwinsOptions = {},
  { normalisation, seed = 1 }: MethodContext = {},
): Method<[tf.Tensor4D, tf.Tensor4D]> {
  const options = resolveOptions(definition, given)
  const { lambda, biasRate } = options
  // Section 2.2: the first view is always blurred, the second rarely; only the second is sometimes solarised.
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

/**
 * Biases and normalisation parameters. LARS does not rescale their gradients, so they need a separate learning rate
 * (section 2.2). Other optimisers use the same learning rate for all weights.
 */
function biasesAndNorms(networks: Method['networks'], rate: number): ParameterGroup {
  const weights = Object.entries(trainableWeights(networks))
  return {
    weights: weights.filter(([, { rank }]) => rank <= 1).map(([name]) => name),
    learningRate: ({ scheduled, optimizer }) =>
      optimizer === 'lars' ? (tf.mul(scheduled, rate) as tf.Scalar) : scheduled,
  }
}

/** The definition of Barlow Twins, for programs that look methods up by name. */
export const definition: MethodDefinition<typeof options> = {
  name: 'barlow-twins',
  summary: 'features agree between two views and are decorrelated from each other; no negatives',
  paper: 'Zbontar et al. 2021, arXiv:2103.03230',
  options,
  migrate,
  training: () => training,
  create: barlowTwins,
}
