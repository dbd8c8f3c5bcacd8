import { type Annotation, uniforms } from '@selfsup/core'
import { describe, expect, test } from 'vitest'
import type { Features } from './features.js'
import { fewShot, sample } from './few-shot.js'
import { accuracyInterval, meanInterval, partInterval } from './intervals.js'
import { numericAnnotations } from './known-values.js'
import { labelSubsets } from './label-subsets.js'
import { layerRates } from './layer-rates.js'

/** `perClass` points per class around one axis per class, with uniform noise of width `spread`. */
function clouds(classes: number, perClass: number, spread: number): Features {
  const count = classes * perClass
  const noise = uniforms([3, 4], count * classes)
  const labels = Int32Array.from({ length: count }, (_, i) => i % classes)
  const values = Float32Array.from(noise, (u, at) => {
    const [row, f] = [Math.floor(at / classes), at % classes]
    return (labels[row] === f ? 1 : 0) + spread * (u - 0.5)
  })
  return { values, count, width: classes, labels, indices: Int32Array.from(labels.keys()) }
}

describe('fewShot', () => {
  test.each(['nearest centroid', 'logistic regression'] as const)('%s', async (classifier) => {
    const options = { classifier, ways: 3, queries: 4, episodes: 30 }
    const clear = await fewShot(clouds(6, 10, 0.1), options)
    expect(clear).toEqual({ value: 1, interval: [1, 1] })
    const noise = await fewShot({ ...clouds(6, 40, 0.1), values: uniforms([1, 1], 6 * 240) }, options)
    expect(noise.interval[0]).toBeLessThan(1 / 3)
    expect(noise.interval[1]).toBeGreaterThan(1 / 3)
    const blurred = clouds(6, 30, 2)
    const one = await fewShot(blurred, { ...options, episodes: 60 })
    const five = await fewShot(blurred, { ...options, episodes: 60, shots: 5 })
    expect(five.value).toBeGreaterThan(one.value + 0.05)
    expect(await fewShot(blurred, { ...options, episodes: 60 })).toEqual(one)
    expect(await fewShot(blurred, { ...options, episodes: 60, seed: 2 })).not.toEqual(one)
  })

  test('throws for too few images or classes', async () => {
    await expect(fewShot(clouds(6, 10, 1))).rejects.toThrow(
      '5 classes with at least 16 images (1 for training, 15 for testing) are needed; 0 have that many',
    )
    await expect(fewShot(clouds(3, 30, 1))).rejects.toThrow('3 have that many')
    await expect(fewShot(clouds(3, 30, 1), { ways: 1 })).rejects.toThrow(
      'ways must be a whole number of at least 2',
    )
  })

  test('sample draws without repetition and uniformly', () => {
    expect(sample(5, 5, [1, 2]).sort()).toEqual([0, 1, 2, 3, 4])
    const counts = [0, 0, 0, 0]
    for (let seed = 0; seed < 4000; seed++) for (const i of sample(4, 2, [seed, 7])) counts[i]!++
    for (const count of counts) expect(Math.abs(count - 2000)).toBeLessThan(120)
  })
})

describe('labelSubsets', () => {
  const labels = Int32Array.from({ length: 1100 }, (_, i) => (i % 11 === 10 ? -1 : i % 10))

  test('subsets are balanced and nested, and the last has all labels', () => {
    const subsets = labelSubsets(labels, [0.01, 0.1, 0.5, 1], { seed: 5 })
    expect(subsets.map(({ length }) => length)).toEqual([10, 100, 500, 1000])
    for (const [i, subset] of subsets.entries()) {
      const counts = new Array(10).fill(0)
      for (const position of subset) counts[labels[position]!]++
      expect(new Set(counts).size).toBe(1)
      const larger = new Set(subsets[i + 1] ?? subset)
      expect([...subset].every((position) => larger.has(position))).toBe(true)
    }
    expect(labelSubsets(labels, [0.1], { seed: 5 })[0]).toEqual(subsets[1])
    expect(labelSubsets(labels, [0.1], { seed: 6 })[0]).not.toEqual(subsets[1])
  })

  test('each class has at least one label; fractions above 1 throw', () => {
    expect(labelSubsets(Int32Array.of(0, 1, 1, 2), [0.01])[0]).toHaveLength(3)
    expect(() => labelSubsets(labels, [0.5, 1.5])).toThrow('above 0 and at most 1; got 1.5')
    expect(() => labelSubsets(Int32Array.of(-1), [1])).toThrow('no example has a label')
  })
})

describe('intervals', () => {
  test('Student: the mean of 1, 2, 3 is 2 +- 4.3027 / sqrt(3)', () => {
    const { value, interval } = meanInterval([1, 2, 3])
    expect(value).toBe(2)
    expect(interval[1]).toBeCloseTo(2 + 4.3027 / Math.sqrt(3), 4)
    expect(meanInterval(Array.from({ length: 601 }, (_, i) => i % 2)).interval[1]).toBeCloseTo(0.5393, 3)
    expect(meanInterval([0.1, 0.9], { within: [0, 1] })).toEqual({ value: 0.5, interval: [0, 1] })
    expect(() => meanInterval([1])).toThrow('at least two values; got 1')
  })

  test('Wilson: 8 of 10 has the interval 0.490 .. 0.943, 10 of 10 has 0.722 .. 1', () => {
    expect(partInterval(0.8, 10).interval[0]).toBeCloseTo(0.4902, 4)
    expect(partInterval(0.8, 10).interval[1]).toBeCloseTo(0.9433, 4)
    expect(partInterval(1, 10).interval[0]).toBeCloseTo(0.7225, 4)
    expect(partInterval(1, 10).interval[1]).toBe(1)
  })

  test('variation between seeds widens the interval', () => {
    const alone = accuracyInterval([0.5], 1000)
    expect(alone).toEqual(partInterval(0.5, 1000))
    const same = accuracyInterval([0.5, 0.5], 1000).interval
    expect(same[0]).toBeCloseTo(alone.interval[0], 12)
    expect(accuracyInterval([0.45, 0.55, 0.5], 1000).interval[0]).toBeLessThan(alone.interval[0] - 0.05)
  })
})

test('layer rates decrease from the last block to the first', () => {
  const names = [
    'backbone/stem/conv/kernel',
    'backbone/stem/bn/gamma',
    'backbone/stage1/block1/1/conv/kernel',
  ]
  expect(layerRates([...names, 'backbone/stage1/block2/1/conv/kernel'], 0.5)).toEqual({
    [names[0]!]: 0.25,
    [names[1]!]: 0.25,
    [names[2]!]: 0.5,
    'backbone/stage1/block2/1/conv/kernel': 1,
  })
  expect(() => layerRates(names, 1.5)).toThrow('at most 1; got 1.5')
})

test('numeric annotations become columns, NaN for missing values', () => {
  const annotations = (index: number): Annotation => ({
    values: index === 1 ? { x: 1, size: 5 } : { x: index },
  })
  expect(numericAnnotations({ annotations }, [2, 1])).toEqual({
    x: Float64Array.of(2, 1),
    size: Float64Array.of(Number.NaN, 5),
  })
  expect(numericAnnotations({}, [0])).toBeUndefined()
  expect(numericAnnotations({ annotations: () => undefined }, [0])).toBeUndefined()
})
