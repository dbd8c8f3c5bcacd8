import { engine, type Tensor } from '@tensorflow/tfjs-core'

/**
 * The same values, but a constant to differentiation: nothing flows back through the result.
 * No data is copied; the result shares the tensor's memory and is disposed of like any other tensor.
 * @param x any shape and dtype
 */
export function stopGradient<T extends Tensor>(x: T): T {
  const { backend } = engine()
  // A tensor made from the same data by hand is in no gradient tape, so the backward pass ends here
  // at no cost; a customGrad returning zeros would walk on through the whole branch.
  backend.incRef(x.dataId)
  return engine().makeTensorFromTensorInfo({ dataId: x.dataId, shape: x.shape, dtype: x.dtype }, backend) as T
}
