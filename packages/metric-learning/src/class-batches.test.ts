import { describe, expect, test } from 'vitest'
import { classBatches } from './class-batches.js'

/** So many images of each class, mixed; -1 among them. */
function labelsOf(sizes: readonly number[]): Int32Array {
  const labels = sizes.flatMap((size, label) => Array<number>(size).fill(label))
  return Int32Array.from([...labels, -1, -1].map((_, i, all) => all[(i * 7) % all.length]!))
}

describe('balanced batches', () => {
  const labels = labelsOf([12, 9, 30, 8, 4])
  const settings = { batchSize: 12, perClass: 4, seed: [3, 4] } as const
  const order = [...classBatches(labels, settings)]
  const batches = Array.from({ length: order.length / 12 }, (_, i) => order.slice(12 * i, 12 * (i + 1)))

  test('hold class after class, as many pictures of each', () => {
    expect(batches.length).toBeGreaterThan(1)
    for (const batch of batches) {
      const classes = batch.map((position) => labels[position]!)
      const ofGroups = [0, 4, 8].map((start) => new Set(classes.slice(start, start + 4)))
      expect(ofGroups.every((group) => group.size === 1)).toBe(true)
      expect(new Set(classes).size).toBe(3)
      expect(classes).not.toContain(-1)
    }
  })

  test('hold no picture twice', () => {
    expect(new Set(batches.flat()).size).toBe(batches.flat().length)
  })

  test('are as many as there can be: 3, 2, 7, 2 and 1 whole parts make 4 of three classes', () => {
    expect(batches).toHaveLength(4)
  })

  test('are as many, but others, for another seed; the same for the same', () => {
    const other = classBatches(labels, { ...settings, seed: [3, 5] })
    expect(other.length).toBe(batches.flat().length)
    expect([...other]).not.toEqual(batches.flat())
    expect([...classBatches(labels, settings)]).toEqual(batches.flat())
  })

  test('of even classes leave nothing out, and mix the classes', () => {
    const even = labelsOf([8, 8, 8, 8])
    const order = [...classBatches(even, { batchSize: 8, perClass: 4, seed: [1, 1] })]
    expect([...order].sort((a, b) => a - b)).toEqual([...even.keys()].filter((i) => even[i]! >= 0))
    const pairs = new Set(
      [0, 8, 16, 24].map((start) => [even[order[start]!]!, even[order[start + 4]!]!].sort().join()),
    )
    expect(pairs.size).toBeGreaterThan(1)
  })

  test.each([
    [
      { batchSize: 10 },
      'a batch of 10 cannot hold 4 pictures of each of two or more classes; take a multiple of 4, 8',
    ],
    [{ batchSize: 4 }, 'cannot hold 4 pictures of each of two or more classes'],
    [
      { batchSize: 24 },
      'needs 6 classes, and there are 5; take a batch of at most 20, or set perClass to at least 5',
    ],
    [{ batchSize: 10, perClass: 5 }, 'class 4 has 4 pictures, fewer than the 5 that a batch takes of each'],
  ])('%o is refused', (wrong, message) => {
    expect(() => classBatches(labels, { ...settings, ...wrong })).toThrow(message)
  })

  test('without any label there are no classes', () => {
    expect(() => classBatches(Int32Array.of(-1, -1), settings)).toThrow('there are 0')
  })
})
