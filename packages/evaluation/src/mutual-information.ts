import { expected } from '@selfsup/core'

/**
 * Normalised mutual information of two divisions of the same things: 2 I(a, b) / (H(a) + H(b)), whatever the numbers by which
 * they are called (Manning et al. 2008, "Introduction to Information Retrieval", section 16.3). As scikit-learn's.
 * @param a, b class or cluster of each thing, of the same length; those with a negative number in either are left out
 * @returns 0 (independent) .. 1 (the same); 1 when both put everything together
 * @throws SelfsupError when the lengths differ or nothing is left
 */
export function normalisedMutualInformation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expected(
    a.length === b.length,
    `normalisedMutualInformation: both must divide the same things; got ${a.length} and ${b.length}`,
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
  expected(total > 0, 'normalisedMutualInformation: nothing has both a class and a cluster')
  const entropy = (counts: Iterable<number>) =>
    [...counts].reduce((sum, n) => sum - (n / total) * Math.log(n / total), 0)
  const [hA, hB, hBoth] = [ofA, ofB, ofBoth].map((map) => entropy(map.values())) as [number, number, number]
  // One group each: they agree, though neither says anything.
  if (ofA.size === 1 && ofB.size === 1) return 1
  return Math.min(1, Math.max(0, (2 * (hA + hB - hBoth)) / (hA + hB)))
}
