import { expected } from '@selfsup/core'
import type { Features } from './features.js'
import { expectNumbers } from './grade.js'

/** Indicators of collapsed features. */
export interface CollapseSignals {
  /**
   * standard deviation of each l2-normalised feature, averaged over the features, times the square root of their number: 1 if
   * they fill the sphere, 0 if all images have the same features (SimSiam: Chen & He 2020, arXiv:2011.10566, section 4.1)
   */
  readonly spread: number
  /** fraction of the features that are the same for all images, 0..1 */
  readonly deadFeatures: number
  /** mean cosine similarity of two different images, -1..1; 1 if all are the same */
  readonly meanCosine: number
}

/**
 * Measures signs of collapse, without labels.
 * @throws SelfsupError if there are fewer than two images
 */
export function collapseSignals({
  values,
  count,
  width,
}: Pick<Features, 'values' | 'count' | 'width'>): CollapseSignals {
  expected(count >= 2, `collapseSignals: there must be at least two images; got ${count}`)
  expectNumbers('collapseSignals', { values, width })
  const sums = new Float64Array(width)
  const squares = new Float64Array(width)
  const least = new Float64Array(width).fill(Number.POSITIVE_INFINITY)
  const most = new Float64Array(width).fill(Number.NEGATIVE_INFINITY)
  let ofLengthOne = 0
  for (let row = 0; row < count; row++) {
    const own = values.subarray(row * width, (row + 1) * width)
    let length = 0
    for (const value of own) length += value * value
    const factor = length > 0 ? 1 / Math.sqrt(length) : 0
    if (length > 0) ofLengthOne++
    for (let f = 0; f < width; f++) {
      const value = own[f]! * factor
      sums[f]! += value
      squares[f]! += value * value
      least[f] = Math.min(least[f]!, own[f]!)
      most[f] = Math.max(most[f]!, own[f]!)
    }
  }
  let [spread, dead, ofSums] = [0, 0, 0]
  for (let f = 0; f < width; f++) {
    const mean = sums[f]! / count
    spread += Math.sqrt(Math.max(0, squares[f]! / count - mean * mean))
    if (least[f] === most[f]) dead++
    ofSums += sums[f]! ** 2
  }
  return {
    spread: spread / Math.sqrt(width),
    deadFeatures: dead / width,
    // |sum of all|^2 contains each pair twice, and each image paired with itself.
    meanCosine: (ofSums - ofLengthOne) / (count * (count - 1)),
  }
}
