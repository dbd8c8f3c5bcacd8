import { expect, test } from 'vitest'
import { classScores, isImbalanced, majorityAccuracy } from './class-scores.js'
import cases from './fixtures/class-scores.json' with { type: 'json' }

test.each(cases.map((each, i) => [i, each] as const))('equals scikit-learn, case %i', (_, expected) => {
  const scores = classScores(expected.predictions, expected.labels)
  expect(scores.balancedAccuracy).toBeCloseTo(expected.balancedAccuracy, 12)
  expect(scores.macroF1).toBeCloseTo(expected.macroF1, 12)
  expect([...scores.recall]).toEqual(expected.recall.map((recall) => expect.closeTo(recall, 12)))
})

test('images without a class do not count, a class that does not occur has no recall', () => {
  const { balancedAccuracy, macroF1, recall } = classScores([0, 2, 2, 1], [0, 2, 0, -1])
  expect([...recall]).toEqual([0.5, Number.NaN, 1])
  expect(balancedAccuracy).toBe(0.75)
  expect(macroF1).toBeCloseTo((2 / 3 + 2 / 3) / 2, 12)
})

test('nothing to score is an error', () => {
  expect(() => classScores([0], [-1])).toThrow('no image has a class')
  expect(() => classScores([0, 1], [1])).toThrow('one prediction per label; got 2 and 1')
})

test('the majority is that of the training images', () => {
  expect(majorityAccuracy([1, 1, 0, -1, -1, -1], [0, 0, 0, 1, -1])).toBe(0.25)
  expect(majorityAccuracy([2, 2, 2], [0, 1])).toBe(0)
})

test('twice as many images in one class as in another are imbalanced', () => {
  expect(isImbalanced([0, 0, 1])).toBe(true)
  expect(isImbalanced([0, 0, 0, 1, 1, -1, -1, -1, -1])).toBe(false)
  expect(isImbalanced([0, 0])).toBe(false)
})
