import type * as tf from '@tensorflow/tfjs-core'

/** The result of batch normalisation in training. */
export interface BatchNormalised<T extends tf.Tensor> {
  /** same shape as x: normalised, scaled, shifted and, with `rectify`, rectified */
  readonly y: T
  /** [channels], the batch's mean */
  readonly mean: tf.Tensor1D
  /** [channels], the batch's unbiased variance, as PyTorch and TensorFlow use it for running statistics */
  readonly variance: tf.Tensor1D
}
