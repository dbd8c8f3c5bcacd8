import type { Scalar, Tensor1D } from '@tensorflow/tfjs-core'

/** Values that change from step to step. They are tensors, so that a compiled step is not compiled again. */
export interface Step {
  /** int32 [2]; pass it to random operations, or `foldIn(seed, n)` for another stream */
  readonly seed: Tensor1D
  /** completed fraction of the training, 0..1, for a method's own schedules */
  readonly progress: Scalar
  /** number of the epoch, float32, counted from 0 */
  readonly epoch: Scalar
  /** current phase; `'main'` for a method without phases. A string, not a tensor: each list of phases is compiled separately */
  readonly phase: string
}
