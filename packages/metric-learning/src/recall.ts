import { stopGradient } from '@selfsup/core'
import { matMulFloat32 } from '@selfsup/kernels'
import { l2Normalise } from '@selfsup/losses'
import * as tf from '@tensorflow/tfjs-core'

/** Recall@1 within a batch: fraction of the rows whose nearest other row by cosine similarity has the same class. */
export function recallOf(z: tf.Tensor2D, labels: tf.Tensor1D): tf.Scalar {
  return tf.tidy(() => {
    const unit = l2Normalise(stopGradient(z))
    const rows = tf.range(0, z.shape[0], 1, 'int32')
    const self = tf.equal(tf.expandDims(rows, 1), rows)
    const nearest = tf.argMax(tf.where(self, -2, matMulFloat32(unit, unit, false, true)), 1)
    return tf.mean(tf.cast(tf.equal(tf.gather(labels, nearest), labels), 'float32')) as tf.Scalar
  })
}
