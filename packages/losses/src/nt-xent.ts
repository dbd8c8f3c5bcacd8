import { assertMatrix, expected } from '@selfsup/core'
import { logSumExpOfPairs, ntXentOfViews } from '@selfsup/kernels/losses'
import * as tf from '@tensorflow/tfjs-core'
import { allRows } from './all-rows.js'
import { l2Normalise } from './l2-normalise.js'
import { withKernels } from './with-kernels.js'

export interface NtXentOptions {
  /** cosine similarities are divided by it; default 0.5, as in SimCLR on CIFAR-10; the paper uses 0.1 on ImageNet */
  readonly temperature?: number
}

/** At lower temperatures the exponentials need a shift by the largest similarity. */
const LOW_TEMPERATURE = 0.025

/**
 * NT-Xent, the normalised temperature-scaled cross entropy of SimCLR: cross entropy of classifying the other view of an
 * image among all other views of the batch (Chen et al. 2020, arXiv:2002.05709, eq. 1). Memory grows linearly with the
 * batch, because `ntXentOfViews` of @selfsup/kernels never holds all similarities.
 *
 * @param z1, z2 embeddings of the two views, each [batch, features]; need not be normalised
 * @param options.temperature > 0; default 0.5
 * @returns scalar, >= 0 up to a rounding error of about 1e-7 / temperature
 * @throws ShapeError when the shapes differ or are not matrices
 * @throws SelfsupError when the temperature is not above 0
 */
export function ntXent(
  z1: tf.Tensor2D,
  z2: tf.Tensor2D,
  { temperature = 0.5 }: NtXentOptions = {},
): tf.Scalar {
  assertMatrix('ntXent', { z1, z2 })
  expected(temperature > 0, `ntXent: temperature must be above 0; got ${temperature}`)
  return withKernels(() => {
    const [all1, all2] = allRows(z1, z2)
    if (temperature >= LOW_TEMPERATURE) return ntXentOfViews(all1, all2, temperature)
    const views = tf.mul(l2Normalise(tf.concat([all1, all2])), Math.sqrt(1 / temperature)) as tf.Tensor2D
    const [first, second] = tf.split(views, 2) as [tf.Tensor2D, tf.Tensor2D]
    const positives = tf.sum(tf.mul(first, second), 1)
    return tf.sub(tf.mean(logSumExpOfPairs(views)), tf.mean(positives)) as tf.Scalar
  })
}
