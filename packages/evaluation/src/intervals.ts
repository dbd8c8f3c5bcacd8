import { expected } from '@selfsup/core'

/** A value and the 95 % interval around it. */
export interface Estimate {
  readonly value: number
  /** lower and upper end */
  readonly interval: readonly [number, number]
}

/** 97.5 % quantiles of Student's t for 1, 2, ... 30 degrees of freedom. */
const T = [
  12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.306, 2.2622, 2.2281, 2.201, 2.1788, 2.1604,
  2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.093, 2.086, 2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555,
  2.0518, 2.0484, 2.0452, 2.0423,
]

const Z = 1.959964

/** The 97.5 % quantile of Student's t distribution: exact to 4 digits up to 30 degrees, to 3 beyond. */
function tQuantile(degrees: number): number {
  // The first terms of the expansion around the normal quantile (Cornish & Fisher).
  return T[degrees - 1] ?? Z + (Z ** 3 + Z) / (4 * degrees)
}

/**
 * Mean of independent values (seeds, episodes) with its 95 % interval by Student's t distribution.
 * @param options.within range of possible values, to which the interval is clipped
 * @throws SelfsupError if there are fewer than two values
 */
export function meanInterval(
  values: ArrayLike<number>,
  { within: [lowest, highest] = [-Infinity, Infinity] }: { readonly within?: readonly [number, number] } = {},
): Estimate {
  const count = values.length
  expected(count >= 2, `meanInterval: an interval needs at least two values; got ${count}`)
  const value = mean(values)
  const variance = mean(Array.from(values, (each) => (each - value) ** 2)) * (count / (count - 1))
  const half = tQuantile(count - 1) * Math.sqrt(variance / count)
  return { value, interval: [Math.max(lowest, value - half), Math.min(highest, value + half)] }
}

/**
 * A proportion with its 95 % interval when the counted items are a sample: Wilson's score interval, which is also valid for
 * small samples and proportions near 0 and 1 (Wilson 1927; Brown et al. 2001, section 3.1.1).
 * @param part the proportion, 0..1
 * @param count sample size
 */
export function partInterval(part: number, count: number): Estimate {
  expected(
    part >= 0 && part <= 1 && count >= 1,
    `partInterval: part must be from 0 to 1 and count at least 1; got ${part} and ${count}`,
  )
  const scale = 1 + Z ** 2 / count
  const middle = (part + Z ** 2 / (2 * count)) / scale
  const half = (Z * Math.sqrt((part * (1 - part)) / count + Z ** 2 / (4 * count ** 2))) / scale
  // Rounding must not put the proportion outside the interval, at 0 and 1.
  return {
    value: part,
    interval: [Math.max(0, Math.min(part, middle - half)), Math.min(1, Math.max(part, middle + half))],
  }
}

/**
 * Mean accuracy over seeds with a 95 % interval that covers both the sampling of test images and the variation between seeds:
 * the half widths add in quadrature. With one seed, only the sampling of test images.
 * @param accuracies one per seed, 0..1
 * @param count number of test images
 */
export function accuracyInterval(accuracies: readonly number[], count: number): Estimate {
  const value = mean(accuracies)
  const ofImages = partInterval(value, count).interval
  if (accuracies.length < 2) return { value, interval: ofImages }
  const ofSeeds = meanInterval(accuracies).interval
  const low = Math.hypot(value - ofImages[0], value - ofSeeds[0])
  const high = Math.hypot(ofImages[1] - value, ofSeeds[1] - value)
  return { value, interval: [Math.max(0, value - low), Math.min(1, value + high)] }
}

/** Arithmetic mean; NaN if there are no values. */
export function mean(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  return sum / values.length
}
