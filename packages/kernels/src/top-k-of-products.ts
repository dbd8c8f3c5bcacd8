import * as tf from '@tensorflow/tfjs-core'
import { topKOnWebgpu } from './webgpu/top-k-of-products.js'
import { onWebgpu, webgpuBackend } from './webgpu/webgpu-backend.js'

/** Longest list that invocations keep. */
const MOST = 64

/**
 * The k largest products of each query with all keys, `tf.topk(tf.matMul(queries, keys, false, true), k)`, without a matrix of
 * products in memory: of similarities, if the rows have unit length.
 * @param queries [queries, features]
 * @param keys [keys, features], at least k
 * @returns values and int32 indices, each [queries, k], largest first; undefined on engines that have no such operation, all but
 *   WebGPU, and for k above 64
 */
export function fusedTopK(
  queries: tf.Tensor2D,
  keys: tf.Tensor2D,
  k: number,
): { readonly values: tf.Tensor2D; readonly indices: tf.Tensor2D } | undefined {
  if (!onWebgpu() || k > MOST || k > keys.shape[0] || queries.size * keys.size * k === 0) return undefined
  const { values, indices } = topKOnWebgpu(webgpuBackend(), queries, keys, k)
  const tensor = (info: tf.TensorInfo) => tf.engine().makeTensorFromTensorInfo(info) as tf.Tensor2D
  return { values: tensor(values), indices: tensor(indices) }
}
