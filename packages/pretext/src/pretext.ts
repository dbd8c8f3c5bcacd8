import { grayViews, simclrViews } from '@selfsup/augment'
import { projector } from '@selfsup/backbones'
import {
  type Method,
  type MethodContext,
  type MethodDefinition,
  type OptionValues,
  resolveOptions,
} from '@selfsup/core'
import * as losses from '@selfsup/losses'
import type * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'

const options = {
  outputs: {
    type: 'number',
    default: 128,
    min: 2,
    integer: true,
    description: 'features that the loss compares',
  },
  lambda: {
    type: 'number',
    default: 0.005,
    min: 0,
    description: 'weight of the redundancy term',
  },
} as const

export type PretextOptions = Partial<OptionValues<typeof options>>

/**
 * What it is called, one sentence on how it learns (authors, year, arXiv number, algorithm). Here: two views of each
 * picture, their features correlated to the identity.
 *
 * @param backbone the encoder: [batch, size, size, channels], normalised, to [batch, features]
 * @param given options; defaults are the paper's
 * @param context normalisation of the pixels, seed of the projector's weights
 * @returns what the training loop drives
 * @throws SelfsupError when an option is unknown or out of range
 */
export function pretext(
  backbone: LayersModel,
  given: PretextOptions = {},
  { normalisation, seed = 1 }: MethodContext = {},
): Method<[tf.Tensor4D, tf.Tensor4D]> {
  const options = resolveOptions(definition, given)
  const { outputs, lambda } = options
  const [, size, , channels] = backbone.inputs[0]!.shape as [null, number, number, number]
  const inputs = backbone.outputs[0]!.shape.at(-1)!
  const augmentation = (channels === 1 ? grayViews : simclrViews)({ size, normalisation })
  const head = projector({ inputs, hidden: inputs, outputs, seed: seed + 1 })
  return {
    name: 'pretext',
    options,
    networks: { backbone, projector: head },
    state: {},
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
  name: 'pretext',
  summary: 'a few words: what is made alike or apart',
  paper: 'authors, year, arXiv number',
  options,
  training: () => ({
    epochs: 200,
    batchSize: 256,
    learningRate: 0.06,
    scaling: 'linear',
    schedule: { name: 'cosine' },
    optimizer: { name: 'sgd', momentum: 0.9, weightDecay: 5e-4 },
  }),
  create: pretext,
}
