import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  type DetectedImage,
  type DetectionScores,
  detectionScores,
  overlapOf,
} from './detection-precision.js'

const cases: (DetectionScores & { images: DetectedImage[] })[] = JSON.parse(
  readFileSync(new URL('./fixtures/detection.json', import.meta.url), 'utf8'),
)

describe('detectionScores', () => {
  test.each(cases.map((each, i) => [i, each] as const))("equals pycocotools', case %i", (_, each) => {
    const scores = detectionScores(each.images)
    for (const name of ['ap', 'ap50', 'ap75', 'recall'] as const)
      expect(scores[name]).toBeCloseTo(each[name], 10)
    expect(Object.keys(scores.perClass)).toEqual(Object.keys(each.perClass))
    for (const [label, ap] of Object.entries(each.perClass))
      expect(scores.perClass[Number(label)]).toBeCloseTo(ap, 10)
  })

  test('is 1 if the detections are the true objects, 0 without detections', () => {
    const truth = [{ label: 2, box: [1, 2, 3, 4] as const }]
    expect(detectionScores([{ truth, found: [{ ...truth[0]!, score: 0.1 }] }]).ap).toBeCloseTo(1, 12)
    expect(detectionScores([{ truth, found: [] }])).toEqual({
      ap: 0,
      ap50: 0,
      ap75: 0,
      recall: 0,
      perClass: { 2: 0 },
    })
  })

  test('throws for images without objects, and for numbers that are not finite', () => {
    expect(() => detectionScores([{ truth: [], found: [] }])).toThrow('no image contains an object')
    const box = [0, 0, Number.NaN, 1] as const
    expect(() => detectionScores([{ truth: [{ label: 0, box }], found: [] }])).toThrow('must be finite')
  })
})

test('overlap is intersection over union', () => {
  expect(overlapOf([0, 0, 2, 2], [1, 0, 2, 2])).toBeCloseTo(1 / 3, 12)
  expect(overlapOf([0, 0, 2, 2], [2, 0, 2, 2])).toBe(0)
})
