import { expected } from '@selfsup/core'

/**
 * Normalised mutual information of two partitions of the same items: 2 I(a, b) / (H(a) + H(b)), independent of how the groups
 * are numbered (Manning et al. 2008, "Introduction to Information Retrieval", section 16.3). Equal to scikit-learn's.
 * @param a, b class or cluster of each item, of the same length; items with a negative number in either are left out
 * @returns 0 (independent) .. 1 (identical); 1 if both have a single group
 * @throws SelfsupError if the lengths differ or nothing is left
 */
export function normalisedMutualInformation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expected(
    a.length === b.length,
    `normalisedMutualInformation: a and b must have the same length; got ${a.length} and ${b.length}`,
  )
  const [ofA, ofB, ofBoth] = [new Map<number, number>(), new Map<number, number>(), new Map<string, number>()]
  const count = <Key>(map: Map<Key, number>, key: Key) => map.set(key, (map.get(key) ?? 0) + 1)
  let total = 0
  for (let i = 0; i < a.length; i++) {
    if (a[i]! < 0 || b[i]! < 0) continue
    total++
    count(ofA, a[i]!)
    count(ofB, b[i]!)
    count(ofBoth, `${a[i]},${b[i]}`)
  }
  expected(total > 0, 'normalisedMutualInformation: no item has both a class and a cluster')
  const entropy = (counts: Iterable<number>) =>
    [...counts].reduce((sum, n) => sum - (n / total) * Math.log(n / total), 0)
  const [hA, hB, hBoth] = [ofA, ofB, ofBoth].map((map) => entropy(map.values())) as [number, number, number]
  // Both have a single group: they agree, without information.
  if (ofA.size === 1 && ofB.size === 1) return 1
  return Math.min(1, Math.max(0, (2 * (hA + hB - hBoth)) / (hA + hB)))
}
