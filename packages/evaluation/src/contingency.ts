import { expected } from '@selfsup/core'

/**
 * Contingency table of two partitions of the same items: how many items are in each group of either, and in each pair of groups.
 * @param where name of the function, for errors
 * @param a, b group of each item, of the same length; items with a negative number in either are left out
 * @throws SelfsupError if the lengths differ or nothing is left
 */
export function contingency(where: string, a: ArrayLike<number>, b: ArrayLike<number>) {
  expected(
    a.length === b.length,
    `${where}: a and b must have the same length; got ${a.length} and ${b.length}`,
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
  expected(total > 0, `${where}: no item has both a class and a cluster`)
  return { ofA, ofB, ofBoth, total }
}
