import { type CropSpec, DRAWS_PER_BOX, derive, randomResizedCropBox, uniforms } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { randomCropBoxes } from './crop-boxes.js'

describe.each(testEngines())('randomCropBoxes on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })

  test.each([
    [32, 32],
    [28, 60],
    [90, 20],
  ])('equal those of the host, for images of %i x %i', (height, width) => {
    const spec: CropSpec = { size: 8, scale: [0.08, 1], ratio: [3 / 4, 4 / 3], stream: 5 }
    const batch = 200
    const u = uniforms(derive([3, 9], spec.stream), batch * DRAWS_PER_BOX)
    const host = Array.from({ length: batch }, (_, i) =>
      randomResizedCropBox(u, height, width, spec, i * DRAWS_PER_BOX),
    )
    const device = tf.tidy(() => {
      const {
        top,
        left,
        height: h,
        width: w,
      } = randomCropBoxes(tf.tensor1d([3, 9], 'int32'), batch, height, width, spec)
      return tf.stack([top, left, h, w], 1).arraySync() as number[][]
    })
    expect(device.map(([top, left, h, w]) => ({ top, left, height: h, width: w }))).toEqual(host)
  })

  test('rejects invalid ranges', () => {
    const seed = tf.tensor1d([1, 1], 'int32')
    const spec = { size: 8, ratio: [0.75, 1.3], stream: 0 } as const
    expect(() => randomCropBoxes(seed, 1, 8, 8, { ...spec, scale: [0, 1] })).toThrow(
      'scale must be within (0, 1]',
    )
    seed.dispose()
  })
})
