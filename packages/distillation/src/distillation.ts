import { chooseTwoViews, simclrRecipe } from '@selfsup/augment'
import { projector } from '@selfsup/backbones'
import { ifAuto, type Method, type MethodContext, type MethodDefinition, resolveOptions } from '@selfsup/core'
import * as losses from '@selfsup/losses'
import type * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { type DistillationOptions, options, training } from './options.js'

/**
 * What it is called, one sentence on how it learns (authors, year, arXiv number, algorithm). Here: two views of each
 * image, their features correlated to the identity.
 *
 * @param backbone the encoder: [batch, size, size, channels], normalised, to [batch, features]
 * @param given options; defaults are the paper's
 * @param context normalisation of the pixels, seed of the projector's weights
 * @returns what the training loop drives
 * @throws SelfsupError when an option is unknown or out of range
 */
export function distillation(
  backbone: LayersModel,
  given: DistillationOptions = {},
  { normalisation, seed = 1 }: MethodContext = {},
): Method<[tf.Tensor4D, tf.Tensor4D]> {
  const options = resolveOptions(definition, given)
  const { hidden, outputs, lambda } = options
  const [, size, , channels] = backbone.inputs[0]!.shape as [null, number, number, number]
  const inputs = backbone.outputs[0]!.shape.at(-1)!
  const augmentation = chooseTwoViews({ size, channels, normalisation }, options, simclrRecipe)
  const head = projector({ inputs, hidden: ifAuto(hidden, inputs), outputs, seed: seed + 1 })
  return {
    name: 'distillation',
    options,
    definition,
    networks: { backbone, projector: head },
    state: {},
    normalisation: augmentation.normalisation,
    crops: augmentation.crops,
    views: (batch, { seed }) => augmentation.apply(batch, seed) as [tf.Tensor4D, tf.Tensor4D],
    loss([x1, x2]) {
      const [z1, z2] = [x1, x2].map((x) => encode(head, encode(backbone, x))) as [tf.Tensor2D, tf.Tensor2D]
      return { loss: losses.barlowTwins(z1, z2, { lambda }), features: z1 }
    },
    dispose: () => head.dispose(),
  }
}

/** A training pass: batch normalisation takes the batch's statistics. */
function encode(model: LayersModel, x: tf.Tensor): tf.Tensor2D {
  return model.apply(x, { training: true }) as tf.Tensor2D
}

/** How a program finds the method by name. */
export const definition: MethodDefinition<typeof options> = {
  name: 'distillation',
  summary: 'a few words: what is made alike or apart',
  paper: 'authors, year, arXiv number',
  options,
  training: () => training,
  create: distillation,
}
