import { describe, expect, test } from 'vitest'
import { derive, mixSeed, normals, philox4x32, type Seed, uniforms } from './random.js'

describe('philox4x32', () => {
  // Known answers of Random123's kat_vectors for philox4x32 with 10 rounds.
  test.each([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ] as const)('%j under %j', (counter, key, answer) => {
    expect(philox4x32([...counter], key)).toEqual(answer)
  })
})

describe('uniforms', () => {
  // tf.raw_ops.StatelessRandomUniform(shape=[9], seed=[1, 2]) of TensorFlow 2.21.
  test('equal those of TensorFlow for the same seed', () => {
    expect([...uniforms([1, 2], 9)]).toEqual([
      0.8440604209899902, 0.19204533100128174, 0.9962232112884521, 0.16038739681243896, 0.27199018001556396,
      0.6493459939956665, 0.10694444179534912, 0.06516242027282715, 0.4393514394760132,
    ])
  })

  test('have the moments of a uniform distribution', () => {
    const values = uniforms([-7, 123456], 100_000)
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
    expect(mean).toBeCloseTo(0.5, 2)
    expect(variance).toBeCloseTo(1 / 12, 3)
    expect(Math.min(...values.subarray(0, 10_000))).toBeGreaterThanOrEqual(0)
    expect(Math.max(...values.subarray(0, 10_000))).toBeLessThan(1)
  })

  test('have the same first values for any count', () => {
    expect([...uniforms([3, 4], 5)]).toEqual([...uniforms([3, 4], 50)].slice(0, 5))
  })
})

describe('normals', () => {
  test('have the moments of a normal distribution', () => {
    const values = normals([5, -6], 100_001)
    expect(values).toHaveLength(100_001)
    const moment = (power: number) => values.reduce((sum, value) => sum + value ** power, 0) / values.length
    expect(moment(1)).toBeCloseTo(0, 1)
    expect(moment(2)).toBeCloseTo(1, 1)
    expect(moment(4)).toBeCloseTo(3, 0)
  })
})

describe('seeds', () => {
  test('derive returns 10,000 different streams', () => {
    const words = new Set(Array.from({ length: 10_000 }, (_, stream) => derive([42, 7], stream).join()))
    expect(words.size).toBe(10_000)
  })

  test('streams of streams of neighbouring seeds are all different, in any order', () => {
    const seen = new Set<string>()
    const streams = Array.from({ length: 40 }, (_, stream) => stream)
    const seeds: Seed[] = [...streams.map((step): Seed => [0, step]), [1, 0], [-1, -1]]
    for (const seed of seeds) {
      for (const first of streams) {
        seen.add(derive(seed, first).join())
        for (const second of streams) seen.add(derive(derive(seed, first), second).join())
      }
    }
    expect(seen.size).toBe(seeds.length * (40 + 40 * 40))
  })

  test('derive, worked by hand', () => {
    // 0x9e3779b1 - 0x9e3779b1 = 0 and 0 * 1 = 0; 1 * (2 * 1 + 1) = 3
    const seed: Seed = [-0x9e3779b1 | 0, (1 - 0x85ebca77) | 0]
    expect(derive(seed, 0)).toEqual([3, Math.imul(3, 0x165667b2)])
  })

  test('mixSeed returns different seeds for different runs, purposes and numbers', () => {
    const seeds = [mixSeed(1, 0, 0), mixSeed(2, 0, 0), mixSeed(1, 1, 0), mixSeed(1, 0, 1)]
    expect(new Set(seeds.map(String)).size).toBe(4)
    expect(mixSeed(1, 0, 0)).toEqual(mixSeed(1, 0, 0))
  })
})
