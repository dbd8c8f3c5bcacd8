import { type Method, type MethodContext, type MethodDefinition, resolveOptions } from '@selfsup/core'
import { vicReg } from '@selfsup/losses'
import type * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { training } from './twin-options.js'
import { encode, twinProjector, twinViews } from './twins.js'
import { options, recipe, type VicregOptions } from './vicreg-options.js'

/**
 * VICReg, variance-invariance-covariance regularization (Bardes et al. 2022, arXiv:2105.04906, algorithm 1): the loss pulls
 * the embeddings of two views together, keeps the variance of every feature over the batch and decorrelates the features.
 * Unlike in Barlow Twins, the last two terms use each view separately, so embeddings need no normalisation.
 *
 * @param backbone the encoder: [batch, size, size, channels], normalised, to [batch, features]
 * @param given options; the defaults are the paper's, with the expander scaled to the backbone
 * @param context normalisation of the pixels, seed of the expander's weights
 * @returns the method, ready for the training loop
 * @throws SelfsupError when an option is unknown or out of range
 */
export function vicreg(
  backbone: LayersModel,
  given: VicregOptions = {},
  { normalisation, seed = 1 }: MethodContext = {},
): Method<[tf.Tensor4D, tf.Tensor4D]> {
  const options = resolveOptions(vicregDefinition, given)
  const augmentation = twinViews(backbone, options, normalisation, recipe)
  const expander = twinProjector(backbone, options, seed + 1)
  return {
    name: 'vicreg',
    options,
    definition: vicregDefinition,
    networks: { backbone, expander },
    state: {},
    normalisation: augmentation.normalisation,
    crops: augmentation.crops,
    views: (batch, { seed }) => augmentation.apply(batch, seed) as [tf.Tensor4D, tf.Tensor4D],
    loss([x1, x2]) {
      const embed = (x: tf.Tensor4D) => encode(expander, encode(backbone, x))
      const [z1, z2] = [embed(x1), embed(x2)]
      return { loss: vicReg(z1, z2, options), features: z1 }
    },
    dispose: () => expander.dispose(),
  }
}

/** The definition of VICReg, for programs that look methods up by name. */
export const vicregDefinition: MethodDefinition<typeof options> = {
  name: 'vicreg',
  summary: 'two views agree, every feature keeps its variance and features are decorrelated; no negatives',
  paper: 'Bardes et al. 2022, arXiv:2105.04906',
  options,
  training: () => training,
  create: vicreg,
}
