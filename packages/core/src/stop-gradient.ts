import { engine, type Tensor } from '@tensorflow/tfjs-core'

/**
 * Returns a tensor with the same values that is constant for differentiation: no gradient flows back through it.
 * No data is copied: the result shares the tensor's memory. Dispose of it like of any other tensor.
 * @param x tensor of any shape and dtype
 */
export function stopGradient<T extends Tensor>(x: T): T {
  const { backend } = engine()
  // A tensor created directly from the data is not on the gradient tape, so the backward pass ends here at no cost.
  // A customGrad that returns zeros would still run the backward pass through the whole branch.
  backend.incRef(x.dataId)
  return engine().makeTensorFromTensorInfo({ dataId: x.dataId, shape: x.shape, dtype: x.dtype }, backend) as T
}
