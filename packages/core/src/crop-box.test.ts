import { describe, expect, test } from 'vitest'
import { centralCropBox, DRAWS_PER_BOX, randomResizedCropBox } from './crop-box.js'
import { uniforms } from './random.js'

const spec = { scale: [0.08, 1], ratio: [3 / 4, 4 / 3] } as const

describe('randomResizedCropBox', () => {
  test('returns boxes inside the image, with areas and ratios within the given ranges', () => {
    const u = uniforms([4, 2], 2000 * DRAWS_PER_BOX)
    const areas = Array.from({ length: 2000 }, (_, i) => {
      const { top, left, height, width } = randomResizedCropBox(u, 100, 140, spec, i * DRAWS_PER_BOX)
      expect(Math.min(top, left)).toBeGreaterThanOrEqual(0)
      expect(top + height).toBeLessThanOrEqual(100)
      expect(left + width).toBeLessThanOrEqual(140)
      expect(width / height).toBeGreaterThan(0.72)
      expect(width / height).toBeLessThan(1.39)
      return (height * width) / 14_000
    })
    expect(Math.min(...areas)).toBeLessThan(0.1)
    expect(Math.max(...areas)).toBeGreaterThan(0.9)
  })

  test('uses the second attempt if the first does not fit (worked by hand)', () => {
    // Area 1 and ratio 4/3 of 12 x 12: 14 wide, too wide. Then area 0.25 and ratio 1: 6 x 6 at floor(0.5 * 7).
    const u = [1, 1, 0, 0, (0.25 - 0.08) / 0.92, 0.5, 0.5, 0.99]
    expect(randomResizedCropBox(u, 12, 12, spec)).toEqual({ top: 3, left: 6, height: 6, width: 6 })
  })

  test('returns the centred box if none of ten attempts fits', () => {
    const u = new Float32Array(DRAWS_PER_BOX).fill(0.999)
    expect(randomResizedCropBox(u, 10, 40, spec)).toEqual(centralCropBox(10, 40, spec.ratio))
    expect(centralCropBox(10, 40, spec.ratio)).toEqual({ top: 0, left: 13, height: 10, width: 13 })
    expect(centralCropBox(40, 10, spec.ratio)).toEqual({ top: 13, left: 0, height: 13, width: 10 })
  })
})
