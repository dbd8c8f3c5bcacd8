import { assertMatrix, expected, formatShape, ShapeError } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { distancesBetweenAll, distancesByRow } from './distances.js'
import { labelPairs, maskedMean, whereNotZero } from './label-pairs.js'
import { withKernels } from './with-kernels.js'

export interface ContrastiveOptions {
  /** distance beyond which negative pairs have no loss; default 1 */
  readonly margin?: number
  /** distance up to which positive pairs have no loss; default 0 */
  readonly positiveMargin?: number
  /** 2: half the square of the excess distance, as in the paper; 1: the excess itself; default 2 */
  readonly power?: 1 | 2
  /** normalise embeddings to length 1 first; default false */
  readonly normalise?: boolean
  /**
   * `mean`: mean over all pairs; `nonZero`: sum of the means over the positive and over the negative pairs whose loss is
   * not 0, as in pytorch-metric-learning; default `mean`
   */
  readonly reduction?: 'mean' | 'nonZero'
}

/**
 * Contrastive loss: pulls positive pairs together and pushes negative pairs apart up to a margin (Chopra, Hadsell & LeCun
 * 2005; Hadsell et al. 2006, eq. 4).
 *
 * @param z1, z2 embeddings of the two members of each pair, each [batch, features]
 * @param same 1 for positive pairs, 0 for negative pairs, [batch]
 * @returns scalar, >= 0
 * @throws ShapeError when the shapes do not match
 * @throws SelfsupError when a margin is negative
 */
export function contrastive(
  z1: tf.Tensor2D,
  z2: tf.Tensor2D,
  same: tf.Tensor1D,
  options: ContrastiveOptions = {},
): tf.Scalar {
  assertMatrix('contrastive', { z1, z2 })
  if (same.rank !== 1 || same.shape[0] !== z1.shape[0]) {
    throw new ShapeError(
      `contrastive: same must be [${z1.shape[0]}], one for each pair; got ${formatShape(same.shape)}`,
    )
  }
  return withKernels(() => {
    const distances = distancesByRow(z1, z2, { normalise: options.normalise ?? false, squared: false })
    const positive = tf.cast(same, 'float32')
    return overPairs('contrastive', distances, positive, tf.sub(1, positive), options)
  })
}

/**
 * Contrastive loss over all pairs of a labelled batch (Hadsell et al. 2006, eq. 4).
 *
 * @param z embeddings, [batch, features]
 * @param labels class numbers, [batch]; rows with a negative number are ignored
 * @returns scalar, >= 0
 * @throws ShapeError when the shapes do not match
 * @throws SelfsupError when a margin is negative
 */
export function labelledContrastive(
  z: tf.Tensor2D,
  labels: tf.Tensor1D,
  options: ContrastiveOptions = {},
): tf.Scalar {
  return withKernels(() => {
    const { positive, negative } = labelPairs('labelledContrastive', z, labels)
    const distances = distancesBetweenAll(z, { normalise: options.normalise ?? false, squared: false })
    return overPairs('labelledContrastive', distances, positive, negative, options)
  })
}

function overPairs(
  where: string,
  distances: tf.Tensor,
  positive: tf.Tensor,
  negative: tf.Tensor,
  { margin = 1, positiveMargin = 0, power = 2, reduction = 'mean' }: ContrastiveOptions,
): tf.Scalar {
  expected(margin >= 0, `${where}: margin must not be negative; got ${margin}`)
  expected(positiveMargin >= 0, `${where}: positiveMargin must not be negative; got ${positiveMargin}`)
  const penalty = (excess: tf.Tensor) => {
    const hinge = tf.relu(excess)
    return power === 2 ? tf.mul(tf.square(hinge), 0.5) : hinge
  }
  const ofPositives = penalty(tf.sub(distances, positiveMargin))
  const ofNegatives = penalty(tf.sub(margin, distances))
  if (reduction === 'mean') {
    const total = tf.add(tf.mul(ofPositives, positive), tf.mul(ofNegatives, negative))
    return maskedMean(total, tf.add(positive, negative))
  }
  return tf.add(
    maskedMean(ofPositives, whereNotZero(ofPositives, positive)),
    maskedMean(ofNegatives, whereNotZero(ofNegatives, negative)),
  ) as tf.Scalar
}
