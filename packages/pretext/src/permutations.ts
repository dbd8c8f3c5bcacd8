import { expected } from '@selfsup/core'

/** An order of nine tiles: position i of the puzzle shows tile `order[i]`. */
export type Permutation = readonly number[]

/** Number of tiles of a puzzle. */
export const TILES = 9

/**
 * Returns permutations of nine tiles that differ from each other as much as possible. The smallest Hamming distance between
 * any two is the largest possible for this count; if the count is a multiple of nine, so is the mean distance. (The greedy
 * search of Noroozi & Favaro 2016, arXiv:1603.09246, maximises only the mean distance.)
 *
 * The permutations are elements of groups that act on nine points: translations of the field of nine elements (up to 9
 * permutations, distance 9), its affine maps (72, distance 8: two of them agree in at most one point), the Möbius maps of the
 * projective line over the field of eight elements (504, distance 7), and these combined with the field's automorphisms
 * (distance 6). At most n! / (d - 1)! permutations of n points have distance d, so no 73 have distance 8 and no 505 have
 * distance 7 (Deza & Vanstone 1978). Within a group, permutations are ordered in blocks of nine in which each tile is once at
 * each position.
 * @param count 2 to 1,000
 * @returns the same permutations at each call
 * @throws SelfsupError if the count is not an integer from 2 to 1,000
 */
export function permutationSet(count: number): Permutation[] {
  expected(
    Number.isInteger(count) && count >= 2 && count <= 1000,
    `jigsaw: permutations must be a whole number from 2 to 1000; got ${count}`,
  )
  if (count <= 72) return affineMaps().slice(0, count)
  return moebiusMaps(count <= 504 ? 1 : 3).slice(0, count)
}

/** The permutation that undoes another. */
export function inverse(permutation: Permutation): Permutation {
  const undone = Array<number>(permutation.length)
  for (const [position, tile] of permutation.entries()) undone[tile] = position
  return undone
}

/** Number of positions at which two permutations differ. */
export function hammingDistance(a: Permutation, b: Permutation): number {
  return a.reduce((sum, tile, position) => sum + (tile === b[position] ? 0 : 1), 0)
}

/** Addition and multiplication of a finite field with elements 0 to size - 1. */
interface Field {
  readonly size: number
  readonly add: (a: number, b: number) => number
  readonly multiply: (a: number, b: number) => number
}

/** The field of nine elements a + bi (integers modulo 3, i² = -1), numbered a + 3b. */
const nine: Field = {
  size: 9,
  add: (x, y) => ((x + y) % 3) + 3 * ((Math.floor(x / 3) + Math.floor(y / 3)) % 3),
  multiply(x, y) {
    const [a, b, c, d] = [x % 3, Math.floor(x / 3), y % 3, Math.floor(y / 3)]
    return ((a * c + 2 * b * d) % 3) + 3 * ((a * d + b * c) % 3)
  },
}

/** The field of eight elements: polynomials over {0, 1} as bits, modulo t³ + t + 1. */
const eight: Field = {
  size: 8,
  add: (x, y) => x ^ y,
  multiply(x, y) {
    let product = 0
    for (let bit = 0; bit < 3; bit++) if ((y >> bit) & 1) product ^= x << bit
    for (let bit = 4; bit >= 3; bit--) if ((product >> bit) & 1) product ^= 0b1011 << (bit - 3)
    return product
  },
}

const elements = ({ size }: Field) => Array.from({ length: size }, (_, x) => x)

/** The maps x -> ax + b on the field of nine elements, sorted by a. */
function affineMaps(): Permutation[] {
  const { add, multiply } = nine
  const all = elements(nine)
  return all.slice(1).flatMap((slope) => all.map((shift) => all.map((x) => add(multiply(slope, x), shift))))
}

/** The point at infinity of the projective line over the field of eight. */
const INFINITE = 8

/** x -> (as + b) / (cs + d) with s = x, then (`automorphisms` 3) with s = x² and s = x⁴; in the order of `inCycles`. */
function moebiusMaps(automorphisms: 1 | 3): Permutation[] {
  const { add, multiply } = eight
  const all = elements(eight)
  const line = [...all, INFINITE]
  const inverses = all.map((x) => all.find((y) => multiply(x, y) === 1) ?? 0)
  const divide = (x: number, y: number) => (y === 0 ? INFINITE : multiply(x, inverses[y]!))
  const matrices = all.flatMap((a) =>
    all.flatMap((b) => [
      ...(a === 0 ? [] : [[a, b, 0, 1] as const]),
      ...all.filter((d) => multiply(a, d) !== b).map((d) => [a, b, 1, d] as const),
    ]),
  )
  const maps = matrices.map(([a, b, c, d]) =>
    line.map((x) => (x === INFINITE ? divide(a, c) : divide(add(multiply(a, x), b), add(multiply(c, x), d)))),
  )
  const square = line.map((x) => (x === INFINITE ? INFINITE : multiply(x, x)))
  const ordered = inCycles(maps)
  if (automorphisms === 1) return ordered
  const [second, third] = [square, square.map((x) => square[x]!)]
  return [ordered, ...[second, third].map((s) => ordered.map((map) => s.map((x) => map[x]!)))].flat()
}

/** Orders a group in blocks of nine, in which every tile is once at every position: each is the previous one after a cycle of all points. */
function inCycles(group: readonly Permutation[]): Permutation[] {
  const turn = group.find(isOneCycle)!
  const seen = new Set<string>()
  const ordered: Permutation[] = []
  for (const first of group) {
    if (seen.has(first.join())) continue
    let map = first
    for (let k = 0; k < TILES; k++) {
      ordered.push(map)
      seen.add(map.join())
      const last = map
      map = turn.map((x) => last[x]!)
    }
  }
  return ordered
}

function isOneCycle(permutation: Permutation): boolean {
  let at = 0
  for (let steps = 1; steps <= TILES; steps++) {
    at = permutation[at]!
    if (at === 0) return steps === TILES
  }
  return false
}
