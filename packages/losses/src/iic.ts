import { assertMatrix, assertRank, assertSameShape } from '@selfsup/core'
import { matMulFloat32 } from '@selfsup/kernels/losses'
import * as tf from '@tensorflow/tfjs-core'
import { allRows } from './all-rows.js'
import { withKernels } from './with-kernels.js'

/** Lower bound of probabilities: sys.float_info.epsilon, as in the reference code. */
const EPSILON = 2 ** -52

export interface IicOptions {
  /** weight of the entropies of the marginals; values above 1 favour clusters of equal size; default 1 */
  readonly lambda?: number
}

/**
 * IIC loss, invariant information clustering: the negative mutual information between the cluster assignments of two
 * views, computed from their symmetrised joint distribution over the batch (Ji et al. 2019, arXiv:1807.06653, eq. 3;
 * lambda and the clamping as in IID_loss of the reference code).
 *
 * @param p1, p2 cluster probabilities (softmax outputs) of the two views, each [batch, clusters]
 * @param options.lambda default 1, the plain mutual information
 * @returns scalar; in [-log(clusters), 0] if lambda is 1
 * @throws ShapeError when the shapes differ or are not matrices
 */
export function iic(p1: tf.Tensor2D, p2: tf.Tensor2D, options: IicOptions = {}): tf.Scalar {
  assertMatrix('iic', { p1, p2 })
  return withKernels(() => {
    const [first, second] = [p1, p2].map((p) => tf.expandDims(p, 1)) as [tf.Tensor3D, tf.Tensor3D]
    return tf.squeeze(iicOfHeads(first, second, options))
  })
}

/**
 * The `iic` loss of each of several heads.
 *
 * @param p1, p2 cluster probabilities of the two views, each [batch, heads, clusters]
 * @param options.lambda default 1
 * @returns [heads]; each in [-log(clusters), 0] if lambda is 1
 * @throws ShapeError when the shapes differ or are not of rank 3
 */
export function iicOfHeads(p1: tf.Tensor3D, p2: tf.Tensor3D, { lambda = 1 }: IicOptions = {}): tf.Tensor1D {
  for (const [name, p] of Object.entries({ p1, p2 }))
    assertRank('iicOfHeads', name, p, 3, '[batch, heads, clusters]')
  assertSameShape('iicOfHeads', { p1, p2 })
  return withKernels(() => {
    const [first, second] = allRows(p1, p2).map((p) => tf.transpose(p, [1, 0, 2])) as [
      tf.Tensor3D,
      tf.Tensor3D,
    ]
    const counts = matMulFloat32(first, second, true)
    const symmetric = tf.add(counts, tf.transpose(counts, [0, 2, 1]))
    const joint = tf.div(symmetric, tf.sum(symmetric, [1, 2], true))
    const logOf = (p: tf.Tensor) => tf.log(tf.maximum(p, EPSILON))
    const rows = logOf(tf.sum(joint, 2, true))
    const columns = logOf(tf.sum(joint, 1, true))
    const information = tf.sub(logOf(joint), tf.mul(tf.add(rows, columns), lambda))
    return tf.neg(tf.sum(tf.mul(tf.maximum(joint, EPSILON), information), [1, 2])) as tf.Tensor1D
  })
}
