import { contingency } from './contingency.js'

/**
 * Adjusted Rand index of two partitions of the same items: the fraction of pairs on which they agree, corrected for chance
 * (Hubert & Arabie 1985, eq. 5). Equal to scikit-learn's `adjusted_rand_score`.
 * @param a, b class or cluster of each item, of the same length; items with a negative number in either are left out
 * @returns 1 for identical partitions, about 0 for independent ones, at least -0.5
 * @throws SelfsupError if the lengths differ or nothing is left
 */
export function adjustedRandIndex(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const { ofA, ofB, ofBoth, total } = contingency('adjustedRandIndex', a, b)
  const pairs = (counts: Map<unknown, number>) =>
    [...counts.values()].reduce((sum, n) => sum + (n * (n - 1)) / 2, 0)
  const [together, inA, inB] = [pairs(ofBoth), pairs(ofA), pairs(ofB)]
  const byChance = total > 1 ? (inA * inB) / ((total * (total - 1)) / 2) : 0
  const most = (inA + inB) / 2
  // Both have a single group, or one group per item: they agree.
  return most === byChance ? 1 : (together - byChance) / (most - byChance)
}
