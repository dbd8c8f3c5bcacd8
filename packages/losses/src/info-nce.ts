import { assertMatrix, assertRank, expected, formatShape, ShapeError, stopGradient } from '@selfsup/core'
import { logSumExpOfProducts, matMulFloat32, rowsOfAllWorkers, workerCount } from '@selfsup/kernels/losses'
import * as tf from '@tensorflow/tfjs-core'
import { allRows } from './all-rows.js'
import { l2Normalise } from './l2-normalise.js'
import { withKernels } from './with-kernels.js'

export interface InfoNceOptions {
  /** similarities are divided by it; default 0.07 as in MoCo */
  readonly temperature?: number
  /** use cosine similarities; false: dot products, as in CPC; default true */
  readonly normalise?: boolean
  /**
   * negatives: [negatives, features] for all queries, such as a queue, or [batch, negatives, features] for each query;
   * default: the keys of the other queries
   */
  readonly negatives?: tf.Tensor2D | tf.Tensor3D
  /** the negatives already have length 1, as in MoCo's queue, and are not normalised again; default false */
  readonly negativesNormalised?: boolean
  /** no gradient flows into the negatives; default true for [negatives, features], otherwise false */
  readonly negativesConstant?: boolean
}

/**
 * InfoNCE loss: cross entropy of classifying each query's key among negatives (van den Oord et al. 2018, arXiv:1807.03748,
 * eq. 4; with a queue: MoCo, He et al. 2020, arXiv:1911.05722, eq. 1). Memory grows linearly with the batch and with the
 * queue, because similarities are computed in tiles, and again for the gradient.
 *
 * @param queries, keys each [batch, features]; the key of a row is the same row
 * @param options.temperature > 0
 * @returns scalar, >= 0
 * @throws ShapeError when the shapes do not match, or there is only one query and no `negatives`
 * @throws SelfsupError when the temperature is not above 0
 */
export function infoNce(queries: tf.Tensor2D, keys: tf.Tensor2D, options: InfoNceOptions = {}): tf.Scalar {
  const { temperature = 0.07, normalise = true } = options
  const several = options.negatives !== undefined || workerCount() > 1
  assertMatrix('infoNce', { queries, keys }, several ? 1 : 2)
  expected(temperature > 0, `infoNce: temperature must be above 0; got ${temperature}`)
  return withKernels(() => {
    const [allQueries, allKeys] = allRows(queries, keys)
    const negatives = options.negatives?.rank === 3 ? rowsOfAllWorkers(options.negatives) : options.negatives
    const unit = (x: tf.Tensor2D) => (normalise ? l2Normalise(x) : x)
    const scaled = tf.div(unit(allQueries), temperature) as tf.Tensor2D
    const targets = unit(allKeys)
    const positives = tf.sum(tf.mul(scaled, targets), 1) as tf.Tensor1D
    const bound = normalise ? 1 / temperature : Number.POSITIVE_INFINITY
    if (!negatives) {
      return tf.mean(tf.sub(logSumExpOfProducts(scaled, targets, { bound }), positives)) as tf.Scalar
    }
    const all = logSumOverNegatives(scaled, negatives, bound, options)
    // log(exp(positive) + exp(negatives)) - positive, without overflow.
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
      `infoNce: negatives must be [negatives, ${features}] or [${batch}, negatives, ${features}] for queries of shape ` +
        `[${batch}, ${features}]; got ${formatShape(negatives.shape)}`,
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
