import type { Scalar, Tensor1D } from '@tensorflow/tfjs-core'

/** What changes from step to step; tensors, so that a compiled step need not be compiled again. */
export interface Step {
  /** int32 [2]; random operations take it, or `foldIn` of it for another stream */
  readonly seed: Tensor1D
  /** part of the training that is done, 0..1, for a method's own schedules */
  readonly progress: Scalar
  /** number of the epoch, counted from 0, float32 */
  readonly epoch: Scalar
  /** which of `phases` is asked for; `'main'` for a method without phases. No tensor: each has a compiled step of its own */
  readonly phase: string
}
