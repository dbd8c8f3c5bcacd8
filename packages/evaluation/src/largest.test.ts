import { uniforms } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { largest } from './largest.js'

describe.each(testEngines())('largest on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })

  test.each([
    [1_000, 3],
    [1_003, 3],
    [64, 1],
    [100, 7],
    [5, 5],
  ])('of %i columns finds the same %i as sorting', async (width, k) => {
    const values = uniforms([7, 7], 9 * width).map((u) => u - 1)
    const before = tf.memory().numTensors
    const rows = tf.tensor2d(values, [9, width])
    const found = largest(rows, k)
    const [foundValues, foundIndices] = [await found.values.array(), await found.indices.array()]
    for (let row = 0; row < 9; row++) {
      const own = [...values.subarray(row * width, (row + 1) * width)]
      const sorted = [...own.keys()].sort((a, b) => own[b]! - own[a]!).slice(0, k)
      expect(foundIndices[row]).toEqual(sorted)
      expect(foundValues[row]).toEqual(sorted.map((column) => own[column]))
    }
    tf.dispose([rows, found.values, found.indices])
    expect(tf.memory().numTensors).toBe(before)
  })
})
