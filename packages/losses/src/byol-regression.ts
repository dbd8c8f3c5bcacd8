import { assertMatrix, stopGradient } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { allRows } from './all-rows.js'
import { l2Normalise } from './l2-normalise.js'
import { withKernels } from './with-kernels.js'

/**
 * BYOL's regression loss: mean squared distance between the online network's prediction and the target network's
 * projection, both normalised to length 1, which equals 2 - 2 cos (Grill et al. 2020, arXiv:2006.07733, eq. 2). SimSiam's
 * negative cosine similarity is this loss / 2 - 1. For the symmetric loss, add the loss with the views exchanged.
 *
 * @param predictions outputs of the online network, [batch, features]
 * @param targets outputs of the target network, [batch, features]; no gradient flows into them
 * @returns scalar in [0, 4]
 * @throws ShapeError when the shapes differ or are not matrices
 */
export function byolRegression(predictions: tf.Tensor2D, targets: tf.Tensor2D): tf.Scalar {
  assertMatrix('byolRegression', { predictions, targets })
  return withKernels(() => {
    const [predicted, wanted] = allRows(predictions, stopGradient(targets))
    const difference = tf.sub(l2Normalise(predicted), l2Normalise(wanted))
    return tf.mean(tf.sum(tf.square(difference), 1)) as tf.Scalar
  })
}
