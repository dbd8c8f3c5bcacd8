import { describe, expect, test } from 'vitest'
import { classBatches } from './class-batches.js'

/** Labels with the given number of images of each class, mixed, and two of -1. */
function labelsOf(sizes: readonly number[]): Int32Array {
  const labels = sizes.flatMap((size, label) => Array<number>(size).fill(label))
  return Int32Array.from([...labels, -1, -1].map((_, i, all) => all[(i * 7) % all.length]!))
}

describe('balanced batches', () => {
  const labels = labelsOf([12, 9, 30, 8, 4])
  const settings = { batchSize: 12, perClass: 4, seed: [3, 4] } as const
  const order = [...classBatches(labels, settings)]
  const batches = Array.from({ length: order.length / 12 }, (_, i) => order.slice(12 * i, 12 * (i + 1)))

  test('contain one class after the other, with the same number of images each', () => {
    expect(batches.length).toBeGreaterThan(1)
    for (const batch of batches) {
      const classes = batch.map((position) => labels[position]!)
      const ofGroups = [0, 4, 8].map((start) => new Set(classes.slice(start, start + 4)))
      expect(ofGroups.every((group) => group.size === 1)).toBe(true)
      expect(new Set(classes).size).toBe(3)
      expect(classes).not.toContain(-1)
    }
  })

  test('contain no image twice', () => {
    expect(new Set(batches.flat()).size).toBe(batches.flat().length)
  })

  test('have the largest possible number: 3, 2, 7, 2 and 1 parts give 4 batches of three classes', () => {
    expect(batches).toHaveLength(4)
  })

  test('depend only on the seed; their number is the same for every seed', () => {
    const other = classBatches(labels, { ...settings, seed: [3, 5] })
    expect(other.length).toBe(batches.flat().length)
    expect([...other]).not.toEqual(batches.flat())
    expect([...classBatches(labels, settings)]).toEqual(batches.flat())
  })

  test('use all images of equally large classes, and mix the classes', () => {
    const even = labelsOf([8, 8, 8, 8])
    const order = [...classBatches(even, { batchSize: 8, perClass: 4, seed: [1, 1] })]
    expect([...order].sort((a, b) => a - b)).toEqual([...even.keys()].filter((i) => even[i]! >= 0))
    const pairs = new Set(
      [0, 8, 16, 24].map((start) => [even[order[start]!]!, even[order[start + 4]!]!].sort().join()),
    )
    expect(pairs.size).toBeGreaterThan(1)
  })

  test.each([
    [{ batchSize: 10 }, 'the batch size must be a multiple of perClass (4) and at least 8; got 10'],
    [{ batchSize: 4 }, 'the batch size must be a multiple of perClass (4) and at least 8; got 4'],
    [
      { batchSize: 24 },
      'needs 6 classes; got 5; set the batch size to at most 20, or perClass to at least 5',
    ],
    [{ batchSize: 10, perClass: 5 }, 'each class needs at least perClass (5) images; class 4 has 4'],
  ])('rejects %o', (wrong, message) => {
    expect(() => classBatches(labels, { ...settings, ...wrong })).toThrow(message)
  })

  test('rejects a dataset without labels', () => {
    expect(() => classBatches(Int32Array.of(-1, -1), settings)).toThrow('needs 3 classes; got 0')
  })
})
