import { contingency } from './contingency.js'

/**
 * Normalised mutual information of two partitions of the same items: 2 I(a, b) / (H(a) + H(b)), independent of how the groups
 * are numbered (Manning et al. 2008, "Introduction to Information Retrieval", section 16.3). Equal to scikit-learn's.
 * @param a, b class or cluster of each item, of the same length; items with a negative number in either are left out
 * @returns 0 (independent) .. 1 (identical); 1 if both have a single group
 * @throws SelfsupError if the lengths differ or nothing is left
 */
export function normalisedMutualInformation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const { ofA, ofB, ofBoth, total } = contingency('normalisedMutualInformation', a, b)
  const entropy = (counts: Iterable<number>) =>
    [...counts].reduce((sum, n) => sum - (n / total) * Math.log(n / total), 0)
  const [hA, hB, hBoth] = [ofA, ofB, ofBoth].map((map) => entropy(map.values())) as [number, number, number]
  // Both have a single group: they agree, without information.
  if (ofA.size === 1 && ofB.size === 1) return 1
  return Math.min(1, Math.max(0, (2 * (hA + hB - hBoth)) / (hA + hB)))
}
