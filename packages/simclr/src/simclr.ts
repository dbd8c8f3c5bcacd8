import { type Augmentation, anyOrientationViews, grayViews, simclrViews } from '@selfsup/augment'
import { projector } from '@selfsup/backbones'
import {
  type Method,
  type MethodContext,
  type MethodDefinition,
  type Normalisation,
  type OptionValues,
  resolveOptions,
} from '@selfsup/core'
import { ntXent } from '@selfsup/losses'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'

const options = {
  temperature: {
    type: 'number',
    default: 0.5,
    min: 0.001,
    description: 'divides the similarities in the loss',
  },
  hidden: {
    type: 'number',
    default: 0,
    min: 0,
    integer: true,
    description: 'units of the projector’s hidden layers; 0: as many as the backbone’s features',
  },
  outputs: {
    type: 'number',
    default: 128,
    min: 1,
    integer: true,
    description: 'features that the loss compares',
  },
  layers: {
    type: 'number',
    default: 2,
    min: 1,
    integer: true,
    description: 'linear layers of the projector',
  },
  batchNorm: { type: 'boolean', default: true, description: 'batch normalisation in the projector' },
  views: {
    type: 'choice',
    default: 'auto',
    choices: ['auto', 'colour', 'gray', 'anyOrientation'],
    description: 'augmentations; auto: gray for pictures of one channel',
  },
  jitter: {
    type: 'number',
    default: -1,
    min: -1,
    max: 1.25,
    description: 'strength of the colour jitter; -1: 0.5 up to 64 pixels, else 1',
  },
  blur: {
    type: 'number',
    default: -1,
    min: -1,
    max: 1,
    description: 'probability of Gaussian blur; -1: none up to 64 pixels, else 0.5',
  },
  minScale: {
    type: 'number',
    default: 0,
    min: 0,
    max: 1,
    description: 'smallest part of the picture a crop takes; 0: 0.08, gray 0.3',
  },
} as const

export type SimclrOptions = Partial<OptionValues<typeof options>>

/**
 * SimCLR, contrastive learning of visual representations (Chen et al. 2020, arXiv:2002.05709, algorithm 1):
 * two augmented views of each picture are to be nearer to each other than to any other view in the batch.
 *
 * @param backbone the encoder f: [batch, size, size, channels], normalised, to [batch, features]
 * @param options temperature, projector and augmentations; defaults are the paper's for CIFAR-10
 * @param context normalisation of the pixels, seed of the projector's weights
 * @returns what the training loop drives
 * @throws SelfsupError when an option is unknown or out of range
 */
export function simclr(
  backbone: LayersModel,
  given: SimclrOptions = {},
  { normalisation, seed = 1 }: MethodContext = {},
): Method<[tf.Tensor4D, tf.Tensor4D]> {
  const options = resolveOptions(definition, given)
  const { temperature, outputs, layers, batchNorm } = options
  const features = backbone.outputs[0]!.shape.at(-1)!
  const augmentation = chooseViews(backbone, options, normalisation)
  // The projection head g is trained with the encoder and thrown away afterwards (section 4.2).
  const head = projector({
    inputs: features,
    hidden: options.hidden || features,
    outputs,
    layers,
    batchNorm,
    outputBatchNorm: batchNorm,
    seed: seed + 1,
  })
  return {
    name: 'simclr',
    options,
    networks: { backbone, projector: head },
    state: {},
    normalisation: augmentation.normalisation,
    crops: augmentation.crops,
    views: (batch, { seed }) => augmentation.apply(batch, seed) as [tf.Tensor4D, tf.Tensor4D],
    loss([x1, x2]) {
      // Both views in one batch, as the paper's code has it: batch normalisation sees them together.
      const h = encode(backbone, tf.concat([x1, x2]))
      const z = encode(head, h)
      const [z1, z2] = tf.split(z, 2) as [tf.Tensor2D, tf.Tensor2D]
      return { loss: ntXent(z1, z2, { temperature }), features: z1 }
    },
    dispose: () => head.dispose(),
  }
}

/** A training pass: batch normalisation takes the batch's statistics. */
function encode(model: LayersModel, x: tf.Tensor): tf.Tensor2D {
  return model.apply(x, { training: true }) as tf.Tensor2D
}

/** The paper's augmentations (appendix A), with its settings for small pictures (appendix B.9) up to 64 pixels. */
function chooseViews(
  backbone: LayersModel,
  { views, jitter, blur, minScale }: OptionValues<typeof options>,
  normalisation: Normalisation | undefined,
): Augmentation {
  const [, size, , channels] = backbone.inputs[0]!.shape as [null, number, number, number]
  const small = size <= 64
  if (views === 'gray' || (views === 'auto' && channels === 1)) {
    return grayViews({ size, normalisation, minScale: minScale || 0.3, gaussianBlur: Math.max(0, blur) })
  }
  const make = views === 'anyOrientation' ? anyOrientationViews : simclrViews
  return make({
    size,
    normalisation,
    minScale: minScale || 0.08,
    strength: jitter >= 0 ? jitter : small ? 0.5 : 1,
    gaussianBlur: blur >= 0 ? blur : small ? 0 : 0.5,
  })
}

/** How a program finds SimCLR by name. */
export const definition: MethodDefinition<typeof options> = {
  name: 'simclr',
  summary: 'two views of a picture near each other, far from all others',
  paper: 'Chen et al. 2020, arXiv:2002.05709',
  options,
  training: () => ({
    epochs: 200,
    batchSize: 256,
    learningRate: 0.06,
    scaling: 'linear',
    schedule: { name: 'cosine' },
    optimizer: { name: 'sgd', momentum: 0.9, weightDecay: 5e-4 },
  }),
  create: simclr,
}
