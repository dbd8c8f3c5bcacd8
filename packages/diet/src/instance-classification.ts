import { assertMatrix, assertRank, expected, ShapeError } from '@selfsup/core'
import { logSumExpOfProducts, registerKernels } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'

export interface InstanceOptions {
  /** label smoothing, 0 to 1; default 0.8 as in DIET */
  readonly smoothing?: number
}

/**
 * Cross entropy with label smoothing of a linear classifier, each of whose classes is one image (DIET: Balestriero 2023,
 * arXiv:2302.10260, eq. 1). Equals PyTorch's `cross_entropy(features @ weights.T, indices, label_smoothing=smoothing)`, but the
 * matrix of all logits is never in memory.
 *
 * @param features [batch, features]
 * @param weights [images, features], one row for each image of the dataset
 * @param indices int32 [batch], the images' positions in the dataset
 * @returns scalar; differentiable with respect to features and weights
 * @throws ShapeError if the shapes do not match
 */
export function instanceClassification(
  features: tf.Tensor2D,
  weights: tf.Tensor2D,
  indices: tf.Tensor1D,
  { smoothing = 0.8 }: InstanceOptions = {},
): tf.Scalar {
  assertMatrix('instanceClassification', { features }, 1)
  assertRank('instanceClassification', 'weights', weights, 2, '[images, features]')
  if (weights.shape[1] !== features.shape[1] || indices.shape[0] !== features.shape[0])
    throw new ShapeError(
      `instanceClassification: weights must be [images, ${features.shape[1]}] and indices [${features.shape[0]}]; got [${weights.shape}] and [${indices.shape}]`,
    )
  expected(
    smoothing >= 0 && smoothing <= 1,
    `instanceClassification: smoothing must be from 0 to 1; got ${smoothing}`,
  )
  registerKernels()
  return tf.tidy(() => {
    const products = (rows: tf.Tensor) => tf.sum(tf.mul(features, rows), 1)
    const own = products(tf.gather(weights, indices))
    // The mean of an image's logits is its product with the mean of the weights.
    const mean = products(tf.mean(weights, 0, true))
    const wanted = tf.add(tf.mul(own, 1 - smoothing), tf.mul(mean, smoothing))
    return tf.mean(tf.sub(logSumExpOfProducts(features, weights), wanted)) as tf.Scalar
  })
}
