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
import { encode } from './encode.js'
import { options, type SimsiamOptions, training } from './simsiam-options.js'

/**
 * SimSiam (Chen & He 2020, arXiv:2011.10566, algorithm 1): BYOL without a momentum encoder. A predictor maps the
 * projection of one view to that of the other. Only stopping the gradient at the predicted projection prevents collapse.
 *
 * @param backbone the encoder: [batch, size, size, channels], normalised, to [batch, features]
 * @param given options; the defaults are the paper's: those for CIFAR-10 up to 64 pixels, those for ImageNet above
 * @param context normalisation of the pixels, seed of the heads' weights
 * @returns the method, ready for the training loop; its loss is in [-1, 1]
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
  // The augmentations are those of MoCo v2 (appendix A).
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
    // The learning rate of the predictor stays constant, so that it can follow the representations (section 4.2).
    groups: { predictor: { weights: ['predictor'], learningRate: ({ highest }) => highest } },
    comparableLoss: false, // a collapsed network has the lowest loss
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

/** D(p, z), eq. 1: negative cosine similarity, averaged over the batch. BYOL's regression loss is 2 + 2 D. */
function negativeCosine(p: tf.Tensor2D, z: tf.Tensor2D): tf.Scalar {
  return tf.sub(tf.div(byolRegression(p, z), 2), 1) as tf.Scalar
}

/** The definition of SimSiam, for programs that look methods up by name. */
export const simsiamDefinition: MethodDefinition<typeof options> = {
  name: 'simsiam',
  summary:
    'each view predicts the projection of the other view, with a stopped gradient; no negatives and no momentum encoder',
  paper: 'Chen & He 2020, arXiv:2011.10566',
  options,
  migrate: migrateBlur,
  training: () => training,
  create: simsiam,
}
