import * as tf from '@tensorflow/tfjs-core'

/** Maximum number of triplets in memory at a time. */
const TRIPLETS_AT_ONCE = 2 ** 20

export interface OverTripletsOptions {
  readonly margin: number
  /** log(1 + exp(x)) instead of max(0, x) */
  readonly softMargin: boolean
  /** use only triplets whose negative is farther than the positive by less than the margin */
  readonly band: boolean
}

/** Sum of the losses of all triplets, number of those whose loss is not 0, and number of all; scalars. */
export interface TripletTotals {
  readonly sum: tf.Tensor
  readonly nonZero: tf.Tensor
  readonly count: tf.Tensor
}

/**
 * Sums the triplet loss over all batch^3 triplets, a few anchors at a time, so that memory grows with batch^2. The forward
 * pass also computes the contribution of each distance, so that the gradient costs nothing more.
 *
 * @param distances, positive, negative each [batch, batch]; the masks are 1 for positive and for negative pairs
 */
export function overTriplets(
  distances: tf.Tensor2D,
  positive: tf.Tensor2D,
  negative: tf.Tensor2D,
  options: OverTripletsOptions,
): TripletTotals {
  const batch = distances.shape[0]
  const anchors = Math.max(1, Math.floor(TRIPLETS_AT_ONCE / batch ** 2))
  const operation = tf.customGrad((...args: unknown[]) => {
    const [distances, save] = args as [tf.Tensor2D, tf.GradSaveFunc]
    const totals: tf.Tensor[] = []
    const slopes: tf.Tensor[] = []
    for (let start = 0; start < batch; start += anchors) {
      const rows = (x: tf.Tensor2D) => tf.slice(x, start, Math.min(anchors, batch - start)) as tf.Tensor2D
      const part = tf.tidy(() => someAnchors(rows(distances), rows(positive), rows(negative), options))
      totals.push(part.totals)
      slopes.push(part.slopes)
    }
    save([tf.concat(slopes)])
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => tf.mul(saved[0]!, tf.slice(dy, 0, 1)) as tf.Tensor
    return { value: tf.sum(tf.stack(totals), 0), gradFunc }
  })
  const [sum, nonZero, count] = tf.split(operation(distances), 3)
  return { sum: tf.squeeze(sum!), nonZero: tf.squeeze(nonZero!), count: tf.squeeze(count!) }
}

function someAnchors(
  distances: tf.Tensor2D,
  positive: tf.Tensor2D,
  negative: tf.Tensor2D,
  { margin, softMargin, band }: OverTripletsOptions,
): { totals: tf.Tensor; slopes: tf.Tensor } {
  // [anchors, positives, negatives]
  const violations = tf.add(tf.sub(tf.expandDims(distances, 2), tf.expandDims(distances, 1)), margin)
  const triplets = tf.mul(tf.expandDims(positive, 2), tf.expandDims(negative, 1))
  const violated = tf.cast(tf.greater(violations, 0), 'float32')
  const mask = band
    ? tf.mul(tf.mul(triplets, violated), tf.cast(tf.less(violations, margin), 'float32'))
    : triplets
  const losses = tf.mul(softMargin ? tf.softplus(violations) : tf.relu(violations), mask)
  const slopes = tf.mul(softMargin ? tf.sigmoid(violations) : violated, mask)
  const nonZero = tf.sum(tf.cast(tf.greater(losses, 0), 'float32'))
  return {
    totals: tf.stack([tf.sum(losses), nonZero, tf.sum(mask)]),
    slopes: tf.sub(tf.sum(slopes, 2), tf.sum(slopes, 1)),
  }
}
