import { assertMatrix, assertRank, expected, formatShape, ShapeError, stopGradient } from '@selfsup/core'
import { logSumExpOfProducts, matMulFloat32 } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import { l2Normalise } from './l2-normalise.js'
import { withKernels } from './with-kernels.js'

export interface InfoNceOptions {
  /** divides the similarities; default 0.07 as in MoCo */
  readonly temperature?: number
  /** cosine similarities; false takes products as they are, as CPC does; default true */
  readonly normalise?: boolean
  /**
   * what a query must be told from: a queue [negatives, features] for all queries, or
   * [batch, negatives, features], each query's own; default the keys of the other queries
   */
  readonly negatives?: tf.Tensor2D | tf.Tensor3D
  /** the negatives have length 1 already, as in MoCo's queue: spares normalising them; default false */
  readonly negativesNormalised?: boolean
  /** nothing flows back into the negatives; default true for a queue, false for a query's own */
  readonly negativesConstant?: boolean
}

/**
 * InfoNCE: each query is to find its key among negatives (van den Oord et al. 2018, arXiv:1807.03748, eq. 4;
 * with a queue: MoCo, He et al. 2020, arXiv:1911.05722, eq. 1). Memory grows linearly with the batch and
 * with the queue: the similarities are made in tiles and made again for the gradient.
 *
 * @param queries, keys each [batch, features]; the key of a row is the same row
 * @param options.temperature > 0
 * @returns scalar, >= 0
 * @throws ShapeError when shapes do not fit, or in-batch when there is only one query
 * @throws SelfsupError when the temperature is not above 0
 */
export function infoNce(queries: tf.Tensor2D, keys: tf.Tensor2D, options: InfoNceOptions = {}): tf.Scalar {
  const { temperature = 0.07, normalise = true, negatives } = options
  assertMatrix('infoNce', { queries, keys }, negatives ? 1 : 2)
  expected(temperature > 0, `infoNce: temperature must be above 0; got ${temperature}`)
  return withKernels(() => {
    const unit = (x: tf.Tensor2D) => (normalise ? l2Normalise(x) : x)
    const scaled = tf.div(unit(queries), temperature) as tf.Tensor2D
    const targets = unit(keys)
    const positives = tf.sum(tf.mul(scaled, targets), 1) as tf.Tensor1D
    const bound = normalise ? 1 / temperature : Number.POSITIVE_INFINITY
    if (!negatives) {
      return tf.mean(tf.sub(logSumExpOfProducts(scaled, targets, { bound }), positives)) as tf.Scalar
    }
    const all = logSumOverNegatives(scaled, negatives, bound, options)
    // log(exp(positive) + exp(negatives)) - positive, whatever their size.
    return tf.mean(tf.softplus(tf.sub(all, positives))) as tf.Scalar
  })
}

function logSumOverNegatives(
  queries: tf.Tensor2D,
  negatives: tf.Tensor2D | tf.Tensor3D,
  bound: number,
  { normalise = true, negativesNormalised = false, negativesConstant = negatives.rank === 2 }: InfoNceOptions,
): tf.Tensor1D {
  const [batch, features] = queries.shape
  const count = negatives.shape[negatives.rank - 2]!
  if (negatives.rank !== 2) assertRank('infoNce', 'negatives', negatives, 3, '[batch, negatives, features]')
  const fits = negatives.rank === 2 || negatives.shape[0] === batch
  if (!fits || count < 1 || negatives.shape[negatives.rank - 1] !== features) {
    throw new ShapeError(
      `infoNce: negatives must be [negatives, ${features}] or [${batch}, negatives, ${features}], as the queries ` +
        `are [${batch}, ${features}]; got ${formatShape(negatives.shape)}`,
    )
  }
  const constant = negativesConstant ? stopGradient<tf.Tensor>(negatives) : negatives
  const rows = tf.reshape(constant, [-1, features]) as tf.Tensor2D
  const unit = normalise && !negativesNormalised ? l2Normalise(rows) : rows
  if (negatives.rank === 2) {
    return logSumExpOfProducts(queries, unit, { bound, constantKeys: negativesConstant })
  }
  const own = tf.reshape(unit, [batch, count, features])
  const logits = tf.reshape(matMulFloat32(own, tf.expandDims(queries, 2)), [batch, count])
  const highest = stopGradient(tf.max(logits, 1, true))
  const sums = tf.sum(tf.exp(tf.sub(logits, highest)), 1)
  return tf.add(tf.log(sums), tf.squeeze(highest, [1])) as tf.Tensor1D
}
