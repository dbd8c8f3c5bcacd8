import { chooseOneView, mocoV2Recipe } from '@selfsup/augment'
import {
  derive,
  expected,
  type Method,
  type MethodContext,
  type MethodDefinition,
  resolveOptions,
  uniforms,
} from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { instanceClassification } from './instance-classification.js'
import { type DietOptions, options, training } from './options.js'

/** A view of each image, and the images' positions in the dataset: their classes. */
export type DietViews = { images: tf.Tensor4D; indices: tf.Tensor1D }

/**
 * DIET: every image is its own class, and a linear classifier has to recognise it in augmented views (Balestriero 2023,
 * arXiv:2302.10260). There are no pairs, no projector and no momentum encoder, so it also suits small datasets and batches. It
 * continues the pretraining of a backbone on 1,000 and more images of a new domain (DIET-CP: Rodas et al. 2025, arXiv:2509.06990).
 *
 * @param backbone the encoder, usually a pretrained one: [batch, size, size, channels], normalised, to [batch, features]
 * @param given options
 * @param context number of training images (required), normalisation of the pixels, seed of the classifier
 * @returns the method, ready for the training loop
 * @throws SelfsupError if an option is unknown or out of range, or the number of images is missing
 */
export function diet(
  backbone: LayersModel,
  given: DietOptions = {},
  { normalisation, seed = 1, imageCount }: MethodContext = {},
): Method<DietViews> {
  const options = resolveOptions(definition, given)
  const { smoothing, frozen } = options
  expected(imageCount !== undefined && imageCount >= 2, 'diet must know the number of training images', {
    fix: 'pass it in the context (imageCount), at least 2',
  })
  const [, size, , channels] = backbone.inputs[0]!.shape as [null, number, number, number]
  const features = backbone.outputs[0]!.shape.at(-1)!
  const augmentation = chooseOneView({ size, channels, normalisation }, options, mocoV2Recipe)
  const classifier = classifierOf(imageCount, features, seed)
  return {
    name: 'diet',
    options,
    definition,
    networks: { backbone },
    parameters: { classifier },
    state: {},
    needs: { imageCount },
    normalisation: augmentation.normalisation,
    crops: augmentation.crops,
    // A new classifier's gradients would destroy what the backbone has learned.
    groups: {
      backbone: {
        weights: ['backbone'],
        learningRate: ({ scheduled }, { progress }) =>
          tf.mul(scheduled, tf.cast(tf.greaterEqual(progress, frozen), 'float32')),
      },
    },
    views: (batch, { seed }) => ({
      images: augmentation.apply(batch, seed)[0]!,
      indices: batch.indices,
    }),
    loss({ images, indices }) {
      const h = backbone.apply(images, { training: true }) as tf.Tensor2D
      return { loss: instanceClassification(h, classifier, indices, { smoothing }), features: h }
    },
    dispose: () => classifier.dispose(),
  }
}

/** Weights of a linear layer, drawn as PyTorch does; on the host, so that every engine has the same. */
function classifierOf(images: number, features: number, seed: number): tf.Variable<tf.Rank.R2> {
  const values = uniforms(derive([seed, 0xd1e7], 0), images * features)
  const bound = 1 / Math.sqrt(features)
  return tf.tidy(() =>
    tf.variable(
      tf.tensor2d(
        values.map((value) => bound * (2 * value - 1)),
        [images, features],
      ),
    ),
  )
}

/** The definition of DIET, for programs that look methods up by name. */
export const definition: MethodDefinition<typeof options> = {
  name: 'diet',
  summary: 'each image is its own class: continues the pretraining of a trained backbone on few images',
  paper: 'Balestriero 2023, arXiv:2302.10260; Rodas et al. 2025, arXiv:2509.06990',
  options,
  training: () => training,
  create: diet,
}
