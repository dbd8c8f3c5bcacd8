import { assertMatrix, stopGradient } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { l2Normalise } from './l2-normalise.js'
import { withKernels } from './with-kernels.js'

/**
 * BYOL's regression: the squared distance between the online network's prediction and the target
 * network's projection, both scaled to length 1, which is 2 - 2 cos (Grill et al. 2020,
 * arXiv:2006.07733, eq. 2; SimSiam's negative cosine similarity times 2, plus 2). For the symmetric
 * loss add the one with the views exchanged.
 *
 * @param predictions of the online network, [batch, features]
 * @param targets of the target network, [batch, features]; a constant: nothing flows back into it
 * @returns scalar within [0, 4]
 * @throws ShapeError when the shapes differ or are no matrices
 */
export function byolRegression(predictions: tf.Tensor2D, targets: tf.Tensor2D): tf.Scalar {
  assertMatrix('byolRegression', { predictions, targets })
  return withKernels(() => {
    const target = l2Normalise(stopGradient(targets))
    const difference = tf.sub(l2Normalise(predictions), target)
    return tf.mean(tf.sum(tf.square(difference), 1)) as tf.Scalar
  })
}
