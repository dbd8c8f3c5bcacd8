import { chooseTwoViews, migrateBlur, migrateMinScale, simclrRecipe } from '@selfsup/augment'
import { projector } from '@selfsup/backbones'
import { ifAuto, type Method, type MethodContext, type MethodDefinition, resolveOptions } from '@selfsup/core'
import { ntXent } from '@selfsup/losses'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { options, type SimclrOptions, training } from './options.js'

/**
 * SimCLR, contrastive learning of visual representations (Chen et al. 2020, arXiv:2002.05709, algorithm 1):
 * pulls the embeddings of two augmented views of each image together and pushes all other views in the batch away.
 *
 * @param backbone the encoder f: [batch, size, size, channels], normalised, to [batch, features]
 * @param given temperature, projector and augmentations; defaults are the paper's, except the temperature and, up to 64 pixels, the
 *   smallest crop, which were chosen on a validation split of CIFAR-10
 * @param context normalisation of the pixels, seed of the projector's weights
 * @returns the method, ready for the training loop
 * @throws SelfsupError when an option is unknown or out of range
 */
export function simclr(
  backbone: LayersModel,
  given: SimclrOptions = {},
  { normalisation, seed = 1 }: MethodContext = {},
): Method<[tf.Tensor4D, tf.Tensor4D]> {
  const options = resolveOptions(definition, given)
  const { temperature, hidden, outputs, layers, batchNorm } = options
  const [, size, , channels] = backbone.inputs[0]!.shape as [null, number, number, number]
  const features = backbone.outputs[0]!.shape.at(-1)!
  // The paper's augmentations (appendix A), with its settings for small images (appendix B.9) but larger crops up to 64 pixels.
  const augmentation = chooseTwoViews({ size, channels, normalisation }, options, simclrRecipe)
  // The projection head g is trained with the encoder and discarded afterwards (section 4.2).
  const head = projector({
    inputs: features,
    hidden: ifAuto(hidden, features),
    outputs,
    layers,
    batchNorm,
    outputBatchNorm: batchNorm,
    seed: seed + 1,
  })
  return {
    name: 'simclr',
    options,
    definition,
    networks: { backbone, projector: head },
    state: {},
    normalisation: augmentation.normalisation,
    crops: augmentation.crops,
    views: (batch, { seed }) => augmentation.apply(batch, seed) as [tf.Tensor4D, tf.Tensor4D],
    loss([x1, x2]) {
      // Both views in one batch, as in the paper's code: batch normalisation uses the statistics of both.
      const h = encode(backbone, tf.concat([x1, x2]))
      const z = encode(head, h)
      const [z1, z2] = tf.split(z, 2) as [tf.Tensor2D, tf.Tensor2D]
      return { loss: ntXent(z1, z2, { temperature }), features: z1 }
    },
    dispose: () => head.dispose(),
  }
}

/** A forward pass in training mode: batch normalisation uses the statistics of the batch. */
function encode(model: LayersModel, x: tf.Tensor): tf.Tensor2D {
  return model.apply(x, { training: true }) as tf.Tensor2D
}

/** The definition of SimCLR, for programs that look methods up by name. */
export const definition: MethodDefinition<typeof options> = {
  name: 'simclr',
  summary: 'contrastive: pulls two views of an image together and pushes the other images of the batch away',
  paper: 'Chen et al. 2020, arXiv:2002.05709',
  options,
  migrate: (stored, images) => migrateMinScale(migrateBlur(stored, images), images, simclrRecipe),
  training: () => training,
  create: simclr,
}
