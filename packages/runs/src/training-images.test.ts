import type { Features } from '@selfsup/evaluation'
import { expect, test } from 'vitest'
import { trainingImages } from './training-images.js'

const features = (...indices: number[]) =>
  ({ indices: Int32Array.from(indices), count: indices.length }) as Features
const dataset = (fingerprint: string, paths?: readonly string[]) => ({
  fingerprint,
  ...(paths && { pathOf: (index: number) => paths[index]! }),
})

test('counts test images that the probe was trained on', () => {
  const whole = dataset('whole', ['/a/1.png', '/a/2.png', '/a/b/3.png'])
  const part = dataset('part', ['/a/b/3.png', '/a/b/4.png'])
  const all = { train: features(0, 1, 2), test: features(0, 1) }
  expect(trainingImages({ train: whole, test: part }, all)).toBe(1)
  // Only images that were used count.
  expect(trainingImages({ train: whole, test: part }, { ...all, train: features(0, 1) })).toBe(0)
  expect(trainingImages({ train: whole, test: whole }, all)).toBe(2)
  expect(trainingImages({ train: dataset('mnist, train'), test: dataset('mnist, test') }, all)).toBe(0)
})
