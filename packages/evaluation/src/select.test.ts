import { normals, uniforms } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Features } from './features.js'
import { selectKCentre } from './select-k-centre.js'
import { selectTypical } from './select-typical.js'

beforeAll(() => tf.setBackend('cpu'))

function featuresOf(rows: readonly (readonly number[])[]): Features {
  return {
    values: Float32Array.from(rows.flat()),
    count: rows.length,
    width: rows[0]!.length,
    labels: new Int32Array(rows.length).fill(-1),
    indices: Int32Array.from(rows.keys()),
  } as unknown as Features
}

/** Directions around the circle, in degrees. */
const directions = (...degrees: number[]) =>
  featuresOf(
    degrees.map((degree) => [Math.cos((degree * Math.PI) / 180), Math.sin((degree * Math.PI) / 180)]),
  )

/** Three kinds of images, many alike of each, and an outlier. */
const kinds = directions(0, 1, 2, 3, 4, 90, 92, 93, 94, 96, 99, 180, 181, 182, 184, 188, 270)

describe('k-centre', () => {
  test('takes the farthest from all before, from the most central on', async () => {
    // The mean direction is 39 degrees, to which 60 is nearest; then 170, 110 degrees away; then 0, 60 away.
    expect([...(await selectKCentre(directions(0, 10, 60, 170), { count: 4 }))]).toEqual([2, 3, 0, 1])
  })

  test('stays away from what is labelled', async () => {
    expect([...(await selectKCentre(directions(0, 10, 60, 180), { count: 2, labelled: [3, 2] }))]).toEqual([
      0, 1,
    ])
  })

  test('covers at most twice as badly as any selection could, and equals the definition', async () => {
    const draws = normals([3, 7], 60 * 4)
    const features = featuresOf(Array.from({ length: 60 }, (_, i) => [...draws.subarray(4 * i, 4 * i + 4)]))
    const rows = [...(await selectKCentre(features, { count: 8 }))]
    const unit = Array.from({ length: 60 }, (_, i) => {
      const row = [...features.values.subarray(4 * i, 4 * i + 4)]
      return row.map((value) => value / Math.hypot(...row))
    })
    const distance = (a: number, b: number) => Math.hypot(...unit[a]!.map((value, i) => value - unit[b]![i]!))
    for (let i = 1; i < rows.length; i++) {
      const before = rows.slice(0, i)
      const nearest = unit.map((_, row) => Math.min(...before.map((other) => distance(row, other))))
      expect(nearest[rows[i]!]).toBeCloseTo(Math.max(...nearest), 5)
    }
  })
})

describe('typical', () => {
  test('takes the middle of each kind, the largest first, and no outlier', async () => {
    const rows = [...(await selectTypical(kinds, { count: 3 }))]
    // One of each kind; of the last the image at 181 degrees, which has two neighbours at 1 degree.
    expect(rows).toContain(12)
    // The outlier belongs to the last kind, which then has six images, as the second; the first has five.
    expect(rows[2]).toBeLessThan(5)
    expect(rows.filter((row) => row > 4 && row < 11)).toHaveLength(1)
    expect(rows.filter((row) => row < 5)).toHaveLength(1)
  })

  test('a kind that has a label comes last', async () => {
    const rows = [...(await selectTypical(kinds, { count: 2, labelled: [8] }))]
    expect(rows.every((row) => row < 5 || row > 10)).toBe(true)
  })

  test('selects all there are, none twice', async () => {
    const rows = [...(await selectTypical(kinds, { count: 17 }))].sort((a, b) => a - b)
    expect(rows).toEqual(Array.from({ length: 17 }, (_, i) => i))
  })

  test('gives the same for the same seed', async () => {
    const draws = uniforms([1, 2], 200 * 3)
    const features = featuresOf(Array.from({ length: 200 }, (_, i) => [...draws.subarray(3 * i, 3 * i + 3)]))
    expect(await selectTypical(features, { count: 60 })).toEqual(await selectTypical(features, { count: 60 }))
  })
})

test.each([selectKCentre, selectTypical])('%o refuses what cannot be', async (select) => {
  const features = directions(0, 10, 60)
  await expect(select(features, { count: 3, labelled: [0] })).rejects.toThrow('from 1 to 2')
  await expect(select(features, { count: 1, labelled: [3] })).rejects.toThrow('from 0 to 2; got 3')
  await expect(select(directions(0, Number.NaN), { count: 1 })).rejects.toThrow('finite')
  const before = tf.memory().numTensors
  await select(features, { count: 2 })
  expect(tf.memory().numTensors).toBe(before)
})
