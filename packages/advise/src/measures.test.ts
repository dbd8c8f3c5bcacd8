import { type HostImages, uniforms } from '@selfsup/core'
import { describe, expect, test } from 'vitest'
import { classifierAccuracy, wilson } from './classifier-accuracy.js'
import { colour, colourfulness, lab } from './colour.js'
import { duplicates } from './duplicates.js'
import { layout } from './layout.js'
import { light } from './light.js'
import { cellMeans, gradientHistograms, type Planes, turned } from './pixels.js'
import { cells, letters, scenes, textures, tinted } from './sample-sets.js'

describe('classifierAccuracy', () => {
  test("Wilson's interval equals the published values", () => {
    // 15 of 148 (Newcombe 1998, table I, method 3): 0.0624 to 0.1605.
    const [low, high] = wilson(15 / 148, 148)
    expect(low).toBeCloseTo(0.0624, 4)
    expect(high).toBeCloseTo(0.1605, 4)
  })

  test('without answers, one scoring function for all candidates finds a distinctive feature', () => {
    const values = uniforms([1, 1], 300 * 4 * 3)
    const blind = classifierAccuracy({ candidates: 4, features: 3, values })
    expect(blind.interval[0]).toBeLessThan(0.25)
    expect(blind.interval[1]).toBeGreaterThan(0.25)
    const clear = values.map((value, i) => (i % 12 === 1 ? value + 1 : value))
    expect(classifierAccuracy({ candidates: 4, features: 3, values: clear })).toMatchObject({
      chance: 0.25,
      images: 300,
      accuracy: expect.closeTo(1, 1),
    })
  })

  test('with answers, each candidate has weights, and examples of one image are held out together', () => {
    const answers = Uint8Array.from({ length: 300 }, (_, i) => i % 3)
    const values = uniforms([1, 2], 600).map((value, i) =>
      i % 2 === 0 ? answers[i >> 1]! + value / 2 : value,
    )
    const found = classifierAccuracy({ candidates: 3, features: 2, values, answers, perImage: 3 })
    expect(found.images).toBe(100)
    expect(found.accuracy).toBeGreaterThan(0.9)
  })

  test('constant features give chance accuracy', () => {
    const found = classifierAccuracy({ candidates: 2, features: 2, values: new Float32Array(400) })
    expect(found.accuracy).toBe(0.5)
  })
})

describe('pixels', () => {
  const corner: Planes = { side: 2, brightness: Float32Array.from([1, 2, 3, 4]) }

  test.each([
    [0, [1, 2, 3, 4]],
    [1, [2, 4, 1, 3]], // counter-clockwise: the right column becomes the top row
    [2, [4, 3, 2, 1]],
    [3, [3, 1, 4, 2]],
  ] as const)('turned by %i quarter turns', (quarters, expected) => {
    expect([...turned(corner, quarters).brightness]).toEqual(expected)
    const again = turned(turned(corner, quarters), ((4 - quarters) % 4) as 0 | 1 | 2 | 3)
    expect([...again.brightness]).toEqual([1, 2, 3, 4])
  })

  test('mirrored', () => expect([...turned(corner, 0, true).brightness]).toEqual([2, 1, 4, 3]))

  test('a quarter turn permutes cells and directions', () => {
    const side = 8
    const brightness = uniforms([3, 3], side * side)
    const before = cellMeans(brightness, side, 2)
    const planes = turned({ side, brightness }, 1)
    const after = cellMeans(planes.brightness, side, 2)
    expect([after[0], after[2]]).toEqual([expect.closeTo(before[1]!, 5), expect.closeTo(before[0]!, 5)])
    const [edges, moved] = [brightness, planes.brightness].map((plane) => gradientHistograms(plane, side, 1))
    for (let i = 0; i < 8; i++) expect(moved![(i + 6) % 8]).toBeCloseTo(edges![i]!, 4)
  })
})

describe('colour', () => {
  test('Lab values of known colours (Lindbloom, D65)', () => {
    for (const [rgb, expected] of [
      [
        [255, 255, 255],
        [100, 0, 0],
      ],
      [
        [255, 0, 0],
        [53.24, 80.09, 67.2],
      ],
      [
        [0, 0, 255],
        [32.3, 79.19, -107.86],
      ],
      [
        [128, 128, 128],
        [53.59, 0, 0],
      ],
    ] as const) {
      const found = lab(rgb[0], rgb[1], rgb[2])
      for (let i = 0; i < 3; i++) expect(Math.abs(found[i]! - expected[i]!)).toBeLessThan(0.02)
    }
  })

  test('colourfulness equals a value worked out by hand', () => {
    // Red and grey: R-G is 255 and 0, (R+G)/2-B 127.5 and 0; standard deviations 127.5 and 63.75, means the same.
    const images: HostImages = { data: Uint8Array.from([255, 0, 0, 90, 90, 90]), shape: [1, 1, 2, 3] }
    expect(colourfulness(images)[0]).toBeCloseTo(1.3 * Math.hypot(127.5, 63.75), 6)
    expect(colourfulness({ data: Uint8Array.from([1, 2]), shape: [2, 1, 1, 1] })).toEqual(new Float64Array(2))
  })

  test('grey and tinted images have no colour beyond brightness', () => {
    expect(colour(scenes({ count: 30 }))).toMatchObject({ grey: 0 })
    expect(colour(scenes({ count: 30 })).beyondBrightness).toBeGreaterThan(10)
    expect(colour(tinted(scenes({ count: 30 })))).toMatchObject({ grey: 1, colourfulness: expect.closeTo(0) })
    const sepia = colour(tinted(scenes({ count: 30 }), [1, 0.8, 0.6]))
    expect(sepia.grey).toBe(0)
    expect(sepia.beyondBrightness).toBeLessThan(3)
  })
})

test('blank images and empty crops are counted', () => {
  const blank: HostImages = { data: new Uint8Array(2 * 16 * 16).fill(7), shape: [2, 16, 16, 1] }
  expect(light(blank)).toEqual({ brightness: expect.closeTo(7), contrast: 0, blank: 1, emptyCrops: 0 })
  expect(light(letters({ count: 20 })).emptyCrops).toBeGreaterThan(0.15)
  expect(light(textures({ count: 20 })).emptyCrops).toBeLessThan(0.02)
})

describe('near-duplicates', () => {
  const images = scenes({ count: 60 })
  const bytes = 24 * 24 * 3
  const copy = (change: (value: number, i: number) => number) => {
    const data = images.data.slice()
    data.set(
      images.data.subarray(0, bytes).map((value, i) => change(value, i)),
      7 * bytes,
    )
    return { data, shape: images.shape }
  }

  test.each([
    ['identical', (value: number) => value],
    ['brighter', (value: number) => Math.min(255, value * 1.05)],
    ['noisy', (value: number, i: number) => Math.max(0, value - ((i * 7) % 5))],
  ])('%s copies are found', (_, change) => {
    expect(duplicates(copy(change)).pairs).toContainEqual([0, 7])
  })

  test.each([
    ['scenes', scenes],
    ['textures', textures],
    ['cells', cells],
  ] as const)('different %s are not duplicates', (_, make) =>
    expect(duplicates(make({ count: 150 })).inSample).toBeLessThan(0.03),
  )

  test('blank images are not duplicates, and the estimate extrapolates the sample', () => {
    expect(duplicates({ data: new Uint8Array(3 * 256), shape: [3, 16, 16, 1] }).pairs).toEqual([])
    const twice: HostImages = { data: textures({ count: 2 }).data.slice(), shape: [2, 24, 24, 3] }
    twice.data.copyWithin(bytes, 0, bytes)
    expect(duplicates(twice)).toEqual({ pairs: [[0, 1]], inSample: 1, estimate: 1 })
    const one = copy((value) => value)
    const { inSample, estimate } = duplicates(one, 119)
    expect(estimate).toBeCloseTo((inSample * 118) / 59, 10)
  })
})

test('the position of a patch is predictable in scenes, but not in textures', () => {
  const found = layout(scenes({ count: 150 }))
  expect(found.interval[0]).toBeGreaterThan(0.3)
  const none = layout(textures({ count: 150 }))
  expect(none.interval[0]).toBeLessThan(0.25)
  expect(none.accuracy).toBeLessThan(0.3)
})
