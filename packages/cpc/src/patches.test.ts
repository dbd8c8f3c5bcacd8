import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { methodEngines } from '../../../tooling/vitest/engines.js'
import { cutPatches, patchGrid } from './patches.js'

describe.each(methodEngines())('patches on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })

  test.each(['int32', 'float32'] as const)('of %s overlap and are ordered row by row', (dtype) => {
    const before = tf.memory().numTensors
    tf.tidy(() => {
      const images = tf.cast(tf.reshape(tf.range(0, 2 * 9 * 9 * 2), [2, 9, 9, 2]), dtype) as tf.Tensor4D
      const patches = cutPatches(images, patchGrid(9, 4, 2))
      expect([patches.shape, patches.dtype]).toEqual([[2 * 3 * 3, 4, 4, 2], dtype])
      for (const [image, row, column] of [
        [0, 0, 0],
        [0, 2, 1],
        [1, 1, 2],
      ] as const) {
        const wanted = tf.slice(images, [image, 2 * row, 2 * column, 0], [1, 4, 4, 2])
        const got = tf.slice(patches, (image * 3 + row) * 3 + column, 1)
        expect(got.dataSync()).toEqual(wanted.dataSync())
      }
    })
    expect(tf.memory().numTensors).toBe(before)
  })
})

test('the grid for patches of 64 pixels in images of 256 is the paper’s', () => {
  expect(patchGrid(256, 64, 32)).toEqual({ size: 256, patch: 64, stride: 32, grid: 7 })
  expect(patchGrid(33, 8, 4).grid).toBe(7)
})

test('rejects patches that are too large', () => {
  expect(() => patchGrid(32, 33, 4)).toThrow(
    'patch must be at most the image size, 32 pixels; got 33; set patch to at most 16',
  )
  expect(() => patchGrid(32, 32, 4)).toThrow(
    'at least two patches must fit into a row of the image; a patch of 32 pixels at a stride of 4 fits only once into 32 pixels',
  )
})
