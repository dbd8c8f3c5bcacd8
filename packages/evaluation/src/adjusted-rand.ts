import { expected } from '@selfsup/core'

/**
 * Adjusted Rand index of two partitions of the same items: the fraction of pairs on which they agree, corrected for chance
 * (Hubert & Arabie 1985, eq. 5). Equal to scikit-learn's `adjusted_rand_score`.
 * @param a, b class or cluster of each item, of the same length; items with a negative number in either are left out
 * @returns 1 for identical partitions, about 0 for independent ones, at least -0.5
 * @throws SelfsupError when the lengths differ or nothing is left
 */
export function adjustedRandIndex(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expected(
    a.length === b.length,
    `adjustedRandIndex: a and b must have the same length; got ${a.length} and ${b.length}`,
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
  expected(total > 0, 'adjustedRandIndex: no item has both a class and a cluster')
  const pairs = (counts: Map<unknown, number>) =>
    [...counts.values()].reduce((sum, n) => sum + (n * (n - 1)) / 2, 0)
  const [together, inA, inB] = [pairs(ofBoth), pairs(ofA), pairs(ofB)]
  const byChance = total > 1 ? (inA * inB) / ((total * (total - 1)) / 2) : 0
  const most = (inA + inB) / 2
  // Both have a single group, or one group per item: they agree.
  return most === byChance ? 1 : (together - byChance) / (most - byChance)
}
