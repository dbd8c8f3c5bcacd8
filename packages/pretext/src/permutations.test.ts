import { describe, expect, test } from 'vitest'
import { hammingDistance, inverse, type Permutation, permutationSet } from './permutations.js'

/** Smallest and mean Hamming distance between any two. */
function distances(set: readonly Permutation[]) {
  let [smallest, sum, pairs] = [9, 0, 0]
  for (const [i, a] of set.entries()) {
    for (const b of set.slice(i + 1)) {
      const distance = hammingDistance(a, b)
      smallest = Math.min(smallest, distance)
      sum += distance
      pairs++
    }
  }
  return { smallest, mean: sum / pairs }
}

describe('permutation sets', () => {
  // At most n! / (d - 1)! permutations of n have distance d: 9 with 9, 72 with 8, 504 with 7.
  test.each([
    [2, 9],
    [9, 9],
    [10, 8],
    [64, 8],
    [72, 8],
    [73, 7],
    [100, 7],
    [504, 7],
    [505, 6],
    [1000, 6],
  ])('any two of %i differ in at least %i positions, the largest possible number', (count, distance) => {
    const set = permutationSet(count)
    expect(set).toHaveLength(count)
    for (const permutation of set) expect([...permutation].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
    expect(distances(set).smallest).toBe(distance)
  })

  test.each([9, 18, 72, 99, 504, 513, 999])('the mean distance of %i is the largest possible', (count) => {
    const set = permutationSet(count)
    // Pairs agree least if every tile is at every position equally often: in (n - 9) / (n - 1) positions on average.
    expect(distances(set).mean).toBeCloseTo(9 - (count - 9) / (count - 1), 10)
    for (let place = 0; place < 9; place++) {
      for (let tile = 0; tile < 9; tile++)
        expect(set.filter((permutation) => permutation[place] === tile)).toHaveLength(count / 9)
    }
  })

  test('the mean distance of 1000 is at least the paper’s 8.00', () => {
    expect(distances(permutationSet(1000)).mean).toBeGreaterThan(8)
  })

  test('returns the same permutations at each call', () => {
    expect(permutationSet(1000)).toEqual(permutationSet(1000))
    expect(permutationSet(9)).toEqual(permutationSet(72).slice(0, 9))
  })

  test('an inverse undoes its permutation', () => {
    const tiles = [...'abcdefghi']
    for (const permutation of permutationSet(1000)) {
      const put = permutation.map((tile) => tiles[tile])
      expect(inverse(permutation).map((position) => put[position])).toEqual(tiles)
    }
  })

  test.each([1, 1001, 2.5])('rejects a count of %d', (count) => {
    expect(() => permutationSet(count)).toThrow(
      `jigsaw: permutations must be a whole number from 2 to 1000; got ${count}`,
    )
  })
})
