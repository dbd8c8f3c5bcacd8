import { currentWorkers, rowsOfAllWorkers } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'

/**
 * Measures how far features are from a collapse: the standard deviation of the l2-normalised features, averaged over
 * dimensions, relative to 1/sqrt(d), its value for features spread evenly over the sphere
 * (Chen and He 2021, arXiv:2011.10566, sec. 4.1).
 *
 * @param features matrix [batch, d], or a container, of which the first matrix is used
 * @returns scalar from 0 (all features equal) to about 1; undefined if there is no matrix
 */
export function featureSpread(features: tf.TensorContainer | undefined): tf.Scalar | undefined {
  const matrix = firstMatrix(features)
  if (!matrix) return undefined
  return tf.tidy(() => {
    const rows = ofAllImages(matrix)
    const x = tf.reshape(rows, [rows.shape[0]!, -1])
    const lengths = tf.sqrt(tf.sum(tf.square(x), 1, true))
    const unit = tf.div(x, tf.maximum(lengths, 1e-12))
    const variance = tf.mean(tf.square(tf.sub(unit, tf.mean(unit, 0, true))), 0)
    return tf.mul(tf.mean(tf.sqrt(variance)), Math.sqrt(x.shape[1]!))
  }) as tf.Scalar
}

/** The rows of all workers. */
function ofAllImages(matrix: tf.Tensor): tf.Tensor {
  const workers = currentWorkers()
  // A method with several views per image may return the rows of all views; one that gathered them has those of all workers.
  if (!workers || matrix.shape[0] !== workers.rows[workers.rank]) return matrix
  return rowsOfAllWorkers(matrix)
}

function firstMatrix(features: tf.TensorContainer | undefined): tf.Tensor | undefined {
  if (features instanceof tf.Tensor) return features.rank === 2 ? features : undefined
  if (typeof features !== 'object' || features === null) return undefined
  for (const part of Object.values(features)) {
    const matrix = firstMatrix(part)
    if (matrix) return matrix
  }
  return undefined
}
