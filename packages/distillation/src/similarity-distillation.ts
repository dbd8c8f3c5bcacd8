import { assertMatrix, expected, ShapeError, stopGradient } from '@selfsup/core'
import { matMulFloat32, registerKernels } from '@selfsup/kernels'
import { l2Normalise } from '@selfsup/losses'
import * as tf from '@tensorflow/tfjs-core'

export interface SimilarityOptions {
  /** similarities are divided by it; default 0.07 */
  readonly temperature?: number
}

/**
 * Distillation of similarities: student and teacher each compare an image with the same features of other images, and the
 * student's distribution over them has to match the teacher's. The loss is the Kullback-Leibler divergence of the softmaxes,
 * averaged over the images (SEED: Fang et al. 2021, arXiv:2101.04731, eq. 2 to 5; there without the teacher's entropy, which is constant).
 *
 * @param student, teacher each [batch, features]; the teacher is constant
 * @param keys [keys, features], the teacher's features of length 1; constant
 * @param options.temperature > 0
 * @returns scalar, >= 0; 0 if both have the same similarities
 * @throws ShapeError if the shapes do not match
 */
export function similarityDistillation(
  student: tf.Tensor2D,
  teacher: tf.Tensor2D,
  keys: tf.Tensor2D,
  { temperature = 0.07 }: SimilarityOptions = {},
): tf.Scalar {
  assertMatrix('similarityDistillation', { student, teacher }, 1)
  expected(temperature > 0, `similarityDistillation: temperature must be above 0; got ${temperature}`)
  if (keys.shape[0] < 1 || keys.shape[1] !== student.shape[1])
    throw new ShapeError(
      `similarityDistillation: keys must be [keys, ${student.shape[1]}], as the features; got [${keys.shape}]`,
    )
  registerKernels()
  return tf.tidy(() => {
    const constant = stopGradient(keys)
    const logits = (x: tf.Tensor2D) =>
      matMulFloat32<tf.Tensor2D>(tf.div(l2Normalise(x), temperature), constant, false, true)
    const wanted = stopGradient(tf.logSoftmax(logits(stopGradient(teacher))))
    const given = tf.logSoftmax(logits(student))
    return tf.mean(tf.sum(tf.mul(tf.exp(wanted), tf.sub(wanted, given)), 1)) as tf.Scalar
  })
}
