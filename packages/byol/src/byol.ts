import { byolRecipe, chooseTwoViews } from '@selfsup/augment'
import { momentumCopy, predictor, projector } from '@selfsup/backbones'
import { ifAuto, type Method, type MethodContext, type MethodDefinition, resolveOptions } from '@selfsup/core'
import { byolRegression } from '@selfsup/losses'
import { cosineOf, exponentialMovingAverage } from '@selfsup/optim'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { type ByolOptions, migrate, options, training } from './byol-options.js'
import { encode } from './encode.js'

/** A pair of values, one per view. */
type Two<T> = [T, T]

/**
 * BYOL, bootstrap your own latent (Grill et al. 2020, arXiv:2006.07733, section 3): from one view of an image the online
 * network predicts the target network's projection of the other view. The target network is an exponential moving average
 * of the online network. There are no negatives.
 *
 * @param backbone the encoder f: [batch, size, size, channels], normalised, to [batch, features]
 * @param given options; the defaults are the paper's for 300 epochs, without blur for images of up to 64 pixels
 * @param context normalisation of the pixels, seed of the heads' weights
 * @returns the method, ready for the training loop
 * @throws SelfsupError when an option is unknown or out of range
 */
export function byol(
  backbone: LayersModel,
  given: ByolOptions = {},
  { normalisation, seed = 1 }: MethodContext = {},
): Method<Two<tf.Tensor4D>, Two<tf.Tensor2D>> {
  const options = resolveOptions(definition, given)
  const { momentum, outputs, solarise, solarise2 } = options
  const [, size, , channels] = backbone.inputs[0]!.shape as [null, number, number, number]
  const features = backbone.outputs[0]!.shape.at(-1)!
  const hidden = ifAuto(options.hidden, 2 * features)
  // The two views have different augmentations (table 6).
  const settings = { ...options, solarise: [solarise, solarise2] } as const
  const augmentation = chooseTwoViews({ size, channels, normalisation }, settings, byolRecipe)
  const g = projector({ inputs: features, hidden, outputs, seed: seed + 1 })
  const q = predictor({ inputs: outputs, hidden, outputs, seed: seed + 2 })
  const target = momentumCopy({ backbone, projector: g })

  return {
    name: 'byol',
    options,
    definition,
    networks: { backbone, projector: g, predictor: q },
    state: target.values,
    comparableLoss: false, // a collapsed network has the lowest loss
    normalisation: augmentation.normalisation,
    crops: augmentation.crops,
    views: (batch, { seed }) => augmentation.apply(batch, seed) as Two<tf.Tensor4D>,
    targets: (views) => views.map((x) => target.apply(x, { training: true })) as Two<tf.Tensor2D>,
    loss([x1, x2], _step, [target1, target2]) {
      // Each view is a batch of its own, as in the paper, so batch normalisation does not mix the views.
      const [z1, z2] = [x1, x2].map((x) => encode(g, encode(backbone, x))) as Two<tf.Tensor2D>
      const [prediction1, prediction2] = [encode(q, z1), encode(q, z2)]
      const loss = tf.add(byolRegression(prediction1, target2), byolRegression(prediction2, target1))
      return { loss: loss as tf.Scalar, features: z1 }
    },
    afterUpdate(_views, { progress }) {
      // tau = 1 - (1 - tau_base) (cos(pi k / K) + 1) / 2 (section 3.3)
      const tau = cosineOf(progress, { from: momentum, to: 1 })
      exponentialMovingAverage(target.averages, target.originals, tau)
    },
    dispose() {
      for (const part of [g, q, target]) part.dispose()
    },
  }
}

/** The definition of BYOL, for programs that look methods up by name. */
export const definition: MethodDefinition<typeof options> = {
  name: 'byol',
  summary: 'each view predicts a momentum encoder’s projection of the other view; no negatives',
  paper: 'Grill et al. 2020, arXiv:2006.07733',
  options,
  migrate,
  training: () => training,
  create: byol,
}
