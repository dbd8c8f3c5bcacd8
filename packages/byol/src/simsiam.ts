import { chooseTwoViews, migrateBlur, mocoV2Recipe, SMALL_SIZE } from '@selfsup/augment'
import { predictor, projector } from '@selfsup/backbones'
import {
  ifAuto,
  type Method,
  type MethodContext,
  type MethodDefinition,
  resolveOptions,
  stopGradient,
} from '@selfsup/core'
import { byolRegression } from '@selfsup/losses'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { options, type SimsiamOptions, training } from './simsiam-options.js'

/**
 * SimSiam (Chen & He 2020, arXiv:2011.10566, algorithm 1): BYOL without a momentum encoder. One view's prediction of the
 * other's projection, the gradient stopped at what is predicted, which is all that keeps it from collapsing.
 *
 * @param backbone the encoder: [batch, size, size, channels], normalised, to [batch, features]
 * @param given options; defaults are the paper's for ImageNet above 64 pixels, for CIFAR-10 up to them
 * @param context normalisation of the pixels, seed of the heads' weights
 * @returns what the training loop drives; its loss lies within [-1, 1]
 * @throws SelfsupError when an option is unknown or out of range
 */
export function simsiam(
  backbone: LayersModel,
  given: SimsiamOptions = {},
  { normalisation, seed = 1 }: MethodContext = {},
): Method<[tf.Tensor4D, tf.Tensor4D]> {
  const options = resolveOptions(simsiamDefinition, given)
  const [, size, , channels] = backbone.inputs[0]!.shape as [null, number, number, number]
  const features = backbone.outputs[0]!.shape.at(-1)!
  const outputs = ifAuto(options.outputs, features)
  // Its views are MoCo v2's (appendix A).
  const augmentation = chooseTwoViews({ size, channels, normalisation }, options, mocoV2Recipe)
  const f = projector({
    inputs: features,
    hidden: features,
    outputs,
    layers: ifAuto(options.layers, size <= SMALL_SIZE ? 2 : 3),
    outputBatchNorm: true,
    outputAffine: false,
    seed: seed + 1,
  })
  const h = predictor({
    inputs: outputs,
    hidden: ifAuto(options.bottleneck, Math.max(1, Math.round(outputs / 4))),
    outputs,
    seed: seed + 2,
  })

  return {
    name: 'simsiam',
    options,
    definition: simsiamDefinition,
    networks: { backbone, projector: f, predictor: h },
    state: {},
    // A predictor that is always as quick as at first keeps up with the representations (section 4.2).
    groups: { predictor: { weights: ['predictor'], learningRate: ({ highest }) => highest } },
    comparableLoss: false, // the lowest loss is a collapsed network's
    normalisation: augmentation.normalisation,
    crops: augmentation.crops,
    views: (batch, { seed }) => augmentation.apply(batch, seed) as [tf.Tensor4D, tf.Tensor4D],
    loss([x1, x2]) {
      const [z1, z2] = [x1, x2].map((x) => encode(f, encode(backbone, x))) as [tf.Tensor2D, tf.Tensor2D]
      const [p1, p2] = [encode(h, z1), encode(h, z2)]
      const loss = tf.add(negativeCosine(p1, stopGradient(z2)), negativeCosine(p2, stopGradient(z1)))
      return { loss: tf.mul(loss, 0.5) as tf.Scalar, features: z1 }
    },
    dispose() {
      for (const part of [f, h]) part.dispose()
    },
  }
}

/** D(p, z), eq. 1: minus the cosine of the angle between them, mean over the batch. BYOL's regression is 2 + 2 D. */
function negativeCosine(p: tf.Tensor2D, z: tf.Tensor2D): tf.Scalar {
  return tf.sub(tf.div(byolRegression(p, z), 2), 1) as tf.Scalar
}

/** A training pass: batch normalisation takes the batch's statistics. */
function encode(model: LayersModel, x: tf.Tensor): tf.Tensor2D {
  return model.apply(x, { training: true }) as tf.Tensor2D
}

/** How a program finds SimSiam by name. */
export const simsiamDefinition: MethodDefinition<typeof options> = {
  name: 'simsiam',
  summary:
    'one view predicts the other’s projection, at which the gradient stops; no negatives, no slower copy',
  paper: 'Chen & He 2020, arXiv:2011.10566',
  options,
  migrate: migrateBlur,
  training: () => training,
  create: simsiam,
}
