import { expected } from '@selfsup/core'
import type { Features } from './features.js'
import { expectNumbers } from './grade.js'

/** What tells that features have collapsed. */
export interface CollapseSignals {
  /**
   * standard deviation of the l2-normalised features, averaged over them, times the root of their number: 1 when they fill
   * the sphere, 0 when all images have the same (SimSiam: Chen & He 2020, arXiv:2011.10566, section 4.1)
   */
  readonly spread: number
  /** part of the features that are the same for all images, 0..1 */
  readonly deadFeatures: number
  /** mean cosine similarity of two different images, -1..1: 1 when all are the same */
  readonly meanCosine: number
}

/**
 * Signs of a collapse, without labels.
 * @throws SelfsupError when there are fewer than two images
 */
export function collapseSignals({
  values,
  count,
  width,
}: Pick<Features, 'values' | 'count' | 'width'>): CollapseSignals {
  expected(count >= 2, `collapseSignals: at least two images are needed; got ${count}`)
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
    // |sum of all|^2 holds each pair twice, and each image with itself.
    meanCosine: (ofSums - ofLengthOne) / (count * (count - 1)),
  }
}
