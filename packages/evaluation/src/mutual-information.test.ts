import { describe, expect, test } from 'vitest'
import fixture from './fixtures/clustering.json' with { type: 'json' }
import { normalisedMutualInformation } from './mutual-information.js'

describe('normalised mutual information', () => {
  const { labels, assignments, other, information } = fixture
  // The fixture is made by fixtures/clustering.py with scikit-learn's normalized_mutual_info_score.
  test.each([
    ['labels and assignments', labels, assignments],
    ['labels and other', labels, other],
    ['assignments and other', assignments, other],
  ] as const)('of %s equals scikit-learn’s', (name, a, b) => {
    expect(normalisedMutualInformation(a, b)).toBeCloseTo(information[name], 10)
    expect(normalisedMutualInformation(b, a)).toBeCloseTo(information[name], 10)
  })

  test('does not depend on the numbering, and is 1 for identical partitions', () => {
    expect(normalisedMutualInformation([0, 0, 1, 2], [7, 7, 3, 0])).toBeCloseTo(1, 12)
    expect(normalisedMutualInformation([0, 0, 0], [2, 2, 2])).toBe(1)
    expect(normalisedMutualInformation([0, 0, 1, 1], [0, 1, 0, 1])).toBeCloseTo(0, 12)
    expect(normalisedMutualInformation([0, 0, 0, 0], [0, 1, 2, 3])).toBe(0)
  })

  test('leaves out items without a class', () => {
    expect(normalisedMutualInformation([0, 1, -1, -1], [1, 0, 0, 1])).toBeCloseTo(1, 12)
    expect(() => normalisedMutualInformation([-1], [0])).toThrow('no item has both a class and a cluster')
    expect(() => normalisedMutualInformation([0], [0, 1])).toThrow('got 1 and 2')
  })
})
